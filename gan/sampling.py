"""Samples from a generator: drawn in evaluation mode, and brought to the form in which they are kept and shown."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gan.config import GanConfig
from gan.data.part import ClassScorer, Scorer
from gan.data.source import to_bytes
from gan.precision import at_least_float
from lab.training.randomness import OwnNoise

CHUNK = 500
"""Samples that pass a network at once."""


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode; afterwards each module is in its own mode again, frozen ones too."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


@torch.no_grad()
def sample(network: nn.Module, *inputs: Tensor) -> Tensor:
    """What the network makes of inputs [n, …], such as points of :func:`points`; it is left in the mode it was in.

    What a network draws of its own (a noise in each layer, say) follows from the inputs alone: equal inputs give equal
    samples, and no other generator moves. Half precision becomes float32.
    """
    parts = zip(*(torch.split(each, CHUNK) for each in inputs), strict=True)
    chance = zlib.crc32(inputs[0][:1].float().cpu().numpy().tobytes())
    with evaluating(network), OwnNoise(chance, inputs[0].device):
        return at_least_float(torch.cat([network(*part) for part in parts]))


def mixture(networks: Sequence[nn.Module], points: Tensor, run: int = 1) -> Tensor:
    """Samples of several generators in equal shares: each draws ``run`` samples before it is the next one's turn.

    Where the points ask for k classes in turn, a run of k shares out every class among all generators.
    """
    turns = torch.arange(len(points)) // run % len(networks)
    shares = [(network, (turns == place).nonzero()[:, 0]) for place, network in enumerate(networks)]
    drawn = torch.cat([sample(network, points[share.to(points.device)]) for network, share in shares if len(share)])
    return drawn[turns.argsort(stable=True).argsort().to(points.device)]


def latents(n: int, size: int, random: torch.Generator) -> Tensor:
    """``n`` standard normal points, float32[n, size], on the generator's device."""
    return torch.randn(n, size, generator=random, device=random.device)


def points(config: GanConfig, n: int, random: torch.Generator, label: int | None = None) -> Tensor:
    """What the generator of a run maps to ``n`` samples, float32[n, latent + classes], on the generator's device.

    Latent points; in a conditional run each with a one-hot label, ``label`` or else the classes in turn, 0, 1, 2, ….
    """
    found = latents(n, config.latent, random)
    if not config.classes:
        return found
    classes = torch.arange(n) % config.classes if label is None else torch.full((n,), label)
    return torch.cat((found, torch.eye(config.classes)[classes].to(found.device)), dim=1)


def scores(config: GanConfig, scorer: Scorer, samples: Tensor, asked: Tensor) -> dict[str, float]:
    """The scores of the samples of the points ``asked``; the scorer of a conditional run is told what was asked for."""
    if not config.classes:
        return scorer(samples)
    return cast(ClassScorer, scorer)(samples, asked[:, config.latent :].argmax(dim=1))


def kept(samples: Tensor) -> npt.NDArray[np.float32] | npt.NDArray[np.uint8]:
    """Points as float32[n, 2]; images as uint8[n, h, w], or uint8[n, h, w, 3] in colour."""
    if samples.ndim == 2:
        return samples.float().cpu().numpy()
    return pictures(to_bytes(samples))


def pictures(images: Tensor) -> npt.NDArray[np.uint8]:
    """Images uint8[n, 1 or 3, h, w] as uint8[n, h, w], or uint8[n, h, w, 3] in colour."""
    found = images.cpu().numpy()
    return np.ascontiguousarray(found[:, 0] if found.shape[1] == 1 else found.transpose(0, 2, 3, 1))
