from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gan.config import GanConfig
from gan.view import View, packed_shape
from lab.techniques.augmentations import AUGMENTATIONS


def images(n: int = 16, channels: int = 3) -> Tensor:
    return torch.rand(n, channels, 16, 24, generator=torch.Generator().manual_seed(1)) * 2 - 1


def apply(name: str, samples: Tensor, strength: float, seed: int = 0) -> Tensor:
    return AUGMENTATIONS.named(name)().apply(samples, strength, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", AUGMENTATIONS.listed)
@pytest.mark.parametrize("channels", [1, 3])
def test_augmentations_keep_the_shape_and_pass_gradients_on(name: str, channels: int) -> None:
    samples = images(channels=channels).requires_grad_()
    changed = apply(name, samples, 1.0)
    assert changed.shape == samples.shape
    assert not torch.equal(changed, samples)
    changed.square().sum().backward()
    assert samples.grad is not None
    assert samples.grad.abs().sum() > 0


@pytest.mark.parametrize("name", AUGMENTATIONS.listed)
def test_strength_goes_from_nothing_to_the_full_range(name: str) -> None:
    samples = images()
    torch.testing.assert_close(apply(name, samples, 0.0), samples)
    change = [float((apply(name, samples, s) - samples).abs().mean()) for s in (0.0, 0.3, 1.0)]
    assert change == sorted(change)
    random = torch.Generator().manual_seed(0)
    state = []
    for strength in (0.0, 1.0):
        random.manual_seed(0)
        AUGMENTATIONS.named(name)().apply(samples, strength, random)
        state.append(random.get_state())
    assert torch.equal(*state), "how much chance is used does not depend on the strength"


@pytest.mark.parametrize("name", AUGMENTATIONS.listed)
def test_each_image_is_changed_in_its_own_way(name: str) -> None:
    same = images(1).expand(16, -1, -1, -1)
    ways = {tuple(image.flatten().tolist()) for image in apply(name, same, 1.0)}
    assert len(ways) == 2 if name == "flip" else len(ways) > 8


def test_translation_moves_whole_pixels_by_at_most_an_eighth() -> None:
    samples = torch.zeros(200, 1, 16, 24)
    samples[:, :, 8, 12] = 1.0
    moved = apply("translation", samples, 1.0)
    where = moved[:, 0].nonzero()
    assert len(where) == 200
    assert moved.sum() == 200
    assert (where[:, 1] - 8).abs().max() == 2
    assert (where[:, 2] - 12).abs().max() == 3


def test_cutout_hides_a_square_of_half_the_side() -> None:
    hidden = 1 - apply("cutout", torch.ones(200, 1, 16, 24), 1.0)
    rows, columns = hidden.amax(dim=(1, 3)).sum(dim=1), hidden.amax(dim=(1, 2)).sum(dim=1)
    assert rows.max() == 8
    assert columns.max() == 12
    assert hidden.sum(dim=(1, 2, 3)).tolist() == (rows * columns).tolist()


def test_packing_puts_neighbours_into_one_sample() -> None:
    view = View((), 2, torch.Generator())
    points = torch.arange(8.0).view(4, 2)
    assert view(points).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    pictures = images(4)
    seen = view(pictures)
    assert seen.shape == (2, *packed_shape((3, 16, 24), 2)) == (2, 6, 16, 24)
    assert torch.equal(seen[1, 3:], pictures[3])


def test_noise_has_the_deviation_it_says() -> None:
    view = View((), 1, torch.Generator().manual_seed(0))
    samples = torch.zeros(10_000, 2)
    assert view(samples) is samples
    view.noise = 0.3
    assert float(view(samples).std()) == pytest.approx(0.3, rel=0.02)


def test_voices_reach_the_view(make: Callable[..., object], preset: Callable[..., GanConfig]) -> None:
    sets = ("steps=4", "augment=[color, cutout]", "voices.augment.strength={wave: cosine, low: 0, high: 1}")
    trainer = make("digits", *sets, "voices.noise.std=0.2")
    trainer.advance(1)
    assert (trainer.view.strength, trainer.view.noise) == (1.0, 0.2)
    trainer.advance(2)
    assert trainer.view.strength == preset("digits", *sets).parsed_voices()["augment.strength"](1)
