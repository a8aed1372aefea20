"""A judge of images without labels: a network that learned to tell how far each was turned (Gidaris et al. 2018).

To see which way is up it must know the things in the images, and what it knows serves as features. Where up and down
look alike (textures, the sky) it learns little: its accuracy then is near chance, a quarter, and says so.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from lab.supervised.classifier import ClassifierConfig
from lab.supervised.datasets import Labelled
from lab.supervised.judge import Judge, Lesson, cache_key, trained

TURNS = 4
"""0, 90, 180 and 270 degrees, the classes."""
SIDE = 64
"""Larger images, and those that are no squares, are averaged down to squares of at most this side first."""
MOST_IMAGES = 4000
"""A larger set is learned from, and described by, so many of its images, spread evenly over it."""
PRESENTATIONS = 40_000
"""Turned images shown in training, about; so the time does not depend on how many there are."""
MOST_EPOCHS = 60
"""Times that one image is shown in every orientation, at most."""
TEST = 10
"""Every how many-th image is not learned from, but tells the accuracy."""
DOUBTFUL = 0.5
"""An accuracy below this says that the features know little of the images."""


def rotation_judge(images: Tensor, data_dir: Path, device: torch.device) -> Judge:
    """The judge of these images, uint8[n, channels, height, width], n at least 2, from the cache or trained once.

    It takes images that have gone through :func:`reduced`. Training takes at
    most about 160 seconds of processor time, for thousands of 64×64.
    """
    chosen = reduced(images[:: math.ceil(len(images) / MOST_IMAGES)])
    shown = TURNS * (len(chosen) - math.ceil(len(chosen) / TEST))
    config = ClassifierConfig(epochs=min(MOST_EPOCHS, max(1, round(PRESENTATIONS / shown))))
    content = hashlib.sha256(repr(tuple(chosen.shape)).encode() + chosen.numpy().tobytes()).hexdigest()
    key = cache_key(content, config)
    what = "a network to describe the folder's images"
    return trained(f"rotations-{key}", what, lambda: Lesson(turned(chosen), chosen), config, data_dir, device)


def reduced(images: Tensor) -> Tensor:
    """Byte images averaged down to squares of at most ``SIDE`` pixels a side, as bytes, on their device."""
    side = min(SIDE, *images.shape[2:])
    if images.shape[2:] == (side, side):
        return images
    parts = [functional.adaptive_avg_pool2d(part.float(), side) for part in torch.split(images, 500)]
    return torch.cat([part.round_().to(torch.uint8) for part in parts])


def turned(images: Tensor) -> Labelled:
    """Byte images in all four orientations, labelled by quarter turns; every ``TEST``-th is in the test part only."""
    held = torch.arange(len(images)) % TEST == 0
    train, test = (
        torch.cat([torch.rot90(part, turn, (2, 3)) for turn in range(TURNS)]) for part in (images[~held], images[held])
    )
    labels, test_labels = (torch.arange(TURNS).repeat_interleave(len(part) // TURNS) for part in (train, test))
    return Labelled(train, labels, test, test_labels, TURNS)
