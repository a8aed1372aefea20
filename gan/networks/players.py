"""The two players of a configuration, their weights drawn from a passed generator, and tried once before training."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import nn

from gan.config import GanConfig
from lab.errors import UserError

TRIED = 2
"""Samples in the trial pass; BatchNorm is tried in evaluation mode, and learns nothing from it."""


def generator(config: GanConfig, random: torch.Generator) -> nn.Module:
    """The configured generator on the CPU; equal generators of random numbers give equal weights on any device.

    Raises:
        UserError: it does not map latent points to samples of the data's shape.
    """
    part, shape = config.generator, config.data.shape
    network = part.initialised(partial(part.generator, config.latent, shape, **_told(config)), random)
    _try(network, "generator", shape, (config.latent + config.classes,))
    return network


def discriminator(config: GanConfig, random: torch.Generator) -> nn.Module:
    """The configured discriminator on the CPU.

    Raises:
        UserError: it does not map samples to one logit each.
    """
    part, shape = config.discriminator, config.judged_shape
    network = part.constrained(part.initialised(partial(part.discriminator, shape, **_told(config)), random), random)
    _try(network, "discriminator", (), shape, *((size,) for size in _told(config).values()))
    return network


def _told(config: GanConfig) -> dict[str, int]:
    """Only a conditional run passes the number of classes, so that other networks need no such argument."""
    return {"classes": config.classes} if config.classes else {}


@torch.no_grad()
def _try(network: nn.Module, player: str, gives: Sequence[int], *takes: Sequence[int]) -> None:
    network.eval()
    taken = " and ".join(str([TRIED, *shape]) for shape in takes)
    try:
        found = list(network(*(torch.zeros(TRIED, *shape) for shape in takes)).shape)
    except Exception as error:  # whatever somebody else's network does
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise UserError(f"{player}: it cannot take samples of shape {taken} ({reason})") from error
    if found != [TRIED, *gives]:
        raise UserError(f"{player}: it maps {taken} to {found}; {[TRIED, *gives]} is expected")
    network.train()
