"""Samples from a generator: drawn in evaluation mode, and brought to the form in which they are kept and shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gan.data.source import to_bytes

CHUNK = 500
"""Samples that pass a network at once."""


@torch.no_grad()
def sample(network: nn.Module, latents: Tensor) -> Tensor:
    """Samples float32[n, …] of latent points [n, latent]; the network is left in the mode it was in."""
    training = network.training
    network.eval()
    samples = torch.cat([network(part) for part in torch.split(latents, CHUNK)])
    network.train(training)
    return samples


def mixture(networks: Sequence[nn.Module], latents: Tensor) -> Tensor:
    """Samples of several generators in equal shares: sample i is of network i modulo their number."""
    parts = [sample(network, latents[place :: len(networks)]) for place, network in enumerate(networks[: len(latents)])]
    samples = parts[0].new_empty((len(latents), *parts[0].shape[1:]))
    for place, part in enumerate(parts):
        samples[place :: len(networks)] = part
    return samples


def latents(n: int, size: int, random: torch.Generator) -> Tensor:
    """``n`` standard normal points, float32[n, size], on the generator's device."""
    return torch.randn(n, size, generator=random, device=random.device)


def kept(samples: Tensor) -> npt.NDArray[np.float32] | npt.NDArray[np.uint8]:
    """Points as float32[n, 2]; images as uint8[n, h, w], or uint8[n, h, w, 3] in colour."""
    if samples.ndim == 2:
        return samples.float().cpu().numpy()
    images = to_bytes(samples).cpu().numpy()
    return np.ascontiguousarray(images[:, 0] if images.shape[1] == 1 else images.transpose(0, 2, 3, 1))
