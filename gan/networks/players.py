"""The two players of a configuration, their weights drawn from a passed generator, and tried once before training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from gan.config import GanConfig
from gan.sampling import evaluating
from lab.errors import UserError

TRIED = 2
"""Samples in the trial pass; BatchNorm is tried in evaluation mode, and learns nothing from it."""
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def generator(config: GanConfig, random: torch.Generator) -> nn.Module:
    """The configured generator on the CPU; equal generators of random numbers give equal weights on any device.

    Raises:
        UserError: it does not map latent points to samples of the data's shape.
    """
    part, shape = config.generator, config.data.shape
    build = partial(part.generator, config.latent, shape, **_told(config))
    whole = _whole(build, (config.latent + config.classes,))
    network = _built("generator", lambda: part.initialised(whole, random))
    _try(network, "generator", shape, (config.latent + config.classes,))
    return network


def discriminator(config: GanConfig, random: torch.Generator) -> nn.Module:
    """The configured discriminator on the CPU.

    Raises:
        UserError: it does not map samples to one logit each, or a penalty asks for a slope of each sample and it
            normalises over the batch.
    """
    part, shape = config.discriminator, config.judged_shape
    build = partial(part.discriminator, shape, **_told(config))
    takes = (shape, *((size,) for size in _told(config).values()))
    whole = _whole(build, *takes)
    network = _built("discriminator", lambda: part.constrained(part.initialised(whole, random), random))
    _try(network, "discriminator", (), *takes)
    slopes = [name for name, part in config.weighed_penalties().items() if part.on_real or part.on_fake or part.draws]
    if slopes and normalises_batches(network):
        reason = "with BatchNorm an output depends on the whole batch; layer or group normalisation is accepted"
        raise UserError(f"voices.{slopes[0]}.weight: it takes the discriminator's slope at each sample, and {reason}")
    return network


def normalises_batches(network: nn.Module) -> bool:
    """Whether a BatchNorm of torch's within the network normalises by the batch; one that is frozen does not."""
    return any(isinstance(module, BATCH_NORMS) and module.training for module in network.modules())


def _told(config: GanConfig) -> dict[str, int]:
    """Only a conditional run passes the number of classes, so that other networks need no such argument."""
    return {"classes": config.classes} if config.classes else {}


def _whole(build: Callable[[], nn.Module], *takes: Sequence[int]) -> Callable[[], nn.Module]:
    """``build``, and a first pass where layers wait for one to draw their weights."""

    @torch.no_grad()
    def built() -> nn.Module:
        network = build()
        if isinstance(network, nn.Module) and any(is_lazy(parameter) for parameter in network.parameters()):
            with evaluating(network):
                network(*(torch.zeros(TRIED, *shape) for shape in takes))
        return network

    return built


def _built(player: str, build: Callable[[], nn.Module]) -> nn.Module:
    try:
        network = build()
    except UserError:
        raise
    except Exception as error:  # whatever somebody else's part does
        raise UserError(f"{player}: it cannot be built ({told(error)})") from error
    if not isinstance(network, nn.Module):
        raise UserError(f"{player}: a torch.nn.Module is expected, not {type(network).__name__}")
    return network


def told(error: Exception) -> str:
    """What went wrong in somebody else's code, on one line."""
    words = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


@torch.no_grad()
def _try(network: nn.Module, player: str, gives: Sequence[int], *takes: Sequence[int]) -> None:
    taken = " and ".join(str([TRIED, *shape]) for shape in takes)
    try:
        with evaluating(network):
            found = list(network(*(torch.zeros(TRIED, *shape) for shape in takes)).shape)
    except Exception as error:  # whatever somebody else's network does
        raise UserError(f"{player}: it cannot take samples of shape {taken} ({told(error)})") from error
    if found != [TRIED, *gives]:
        raise UserError(f"{player}: it maps {taken} to {found}; {[TRIED, *gives]} is expected")
