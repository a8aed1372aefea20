"""Which images convolutional players draw: squares that are a small base doubled a few times."""

from __future__ import annotations

from gan.networks.part import Shape


def require_square(shape: Shape, word: str) -> None:
    """Refuse samples that the network called ``word`` cannot draw.

    Raises:
        ValueError: they are no square images, or no side that :func:`image_base` can split.
    """
    if len(shape) != 3 or shape[-1] != shape[-2]:
        raise ValueError(f"{word!r} draws square images and samples of shape {list(shape)} are none; use 'mlp'")
    image_base(shape[-1])


def image_base(size: int) -> tuple[int, int]:
    """Split an image's side into a base of 4 to 7 pixels and a number of doublings: ``size = base·2**doublings``.

    Raises:
        ValueError: no such split exists, or it has no doubling.
    """
    base, doublings = size, 0
    while base > 7 and base % 2 == 0:
        base, doublings = base // 2, doublings + 1
    if not 4 <= base <= 7 or doublings == 0:
        raise ValueError(
            f"image size {size}: convolutions need 4, 5, 6 or 7 doubled at least once, e.g. 8, 16, 28, 32, 64"
        )
    return base, doublings
