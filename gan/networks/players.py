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
    network = part.initialised(partial(part.generator, config.latent, shape), random)
    _try(network, "generator", (config.latent,), shape)
    return network


def discriminator(config: GanConfig, random: torch.Generator) -> nn.Module:
    """The configured discriminator on the CPU.

    Raises:
        UserError: it does not map samples to one logit each.
    """
    part, shape = config.discriminator, config.judged_shape
    network = part.constrained(part.initialised(partial(part.discriminator, shape), random), random)
    _try(network, "discriminator", shape, ())
    return network


@torch.no_grad()
def _try(network: nn.Module, player: str, takes: Sequence[int], gives: Sequence[int]) -> None:
    network.eval()
    try:
        found = list(network(torch.zeros(TRIED, *takes)).shape)
    except Exception as error:  # whatever somebody else's network does
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise UserError(f"{player}: it cannot take samples of shape {[TRIED, *takes]} ({reason})") from error
    if found != [TRIED, *gives]:
        raise UserError(f"{player}: it maps {[TRIED, *takes]} to {found}; {[TRIED, *gives]} is expected")
    network.train()
