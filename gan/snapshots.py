"""What a run keeps as it trains: samples of the same latent points, and generators for an ensemble."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import nn

from gan.config import GanConfig
from gan.randomness import stream
from gan.sampling import kept, points, sample
from lab.door import tensors
from lab.errors import UserError
from lab.training.files import replace_file
from lab.training.restoring import checked

WEIGHTS = "generator-{:09d}.safetensors"
SUM = "sha256"


class Snapshots:
    """Writes into a run's directory of snapshots; every file is whole or not there.

    Args:
        config: of the run.
        place: the directory.
        device: where the networks are.
        landmarks: the true modes, which are kept with the samples for figures.
    """

    def __init__(
        self, config: GanConfig, place: Path, device: torch.device, landmarks: NDArray[np.float32] | None
    ) -> None:
        self._config, self._place, self._device = config, place, device
        self._landmarks = {} if landmarks is None else {"landmarks": landmarks}

    def keep_samples(self, step: int, generator: nn.Module, average: nn.Module) -> None:
        """Samples of both, in one file a step, of the same latent points throughout the run."""
        config = self._config
        latent = points(config, config.snapshot_samples, stream(config.seed, "snapshot")).to(self._device)
        arrays = {name: kept(sample(net, latent)) for name, net in (("samples", generator), ("ema", average))}
        path = self._place / f"samples-{step:09d}.npz"
        beside = path.with_suffix(".part")
        with beside.open("wb") as file:
            np.savez(file, **arrays, **self._landmarks)  # type: ignore[arg-type]  # its stub takes them for options
        beside.replace(path)

    def keep_weights(self, step: int, generator: nn.Module) -> None:
        """The generator as it is; of all generators the newest ``ensemble_size`` stay, none of later steps."""
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in generator.state_dict().items()}
        replace_file(self._place / WEIGHTS.format(step), save(state, metadata={SUM: _sum(state)}))
        there = members(self._place)
        now = there.index(self._place / WEIGHTS.format(step)) + 1
        for path in (*there[: max(0, now - self._config.ensemble_size)], *there[now:]):
            path.unlink()


def members(place: Path) -> list[Path]:
    """The generators that a run has kept, the oldest first."""
    return sorted(place.glob(WEIGHTS.replace("{:09d}", "*")))


def read_member(path: Path) -> dict[str, torch.Tensor]:
    """The weights of one generator that was kept.

    Raises:
        UserError: the file is none of a run's, or not as it was written.
    """
    state, about = tensors.read(path)
    if about.get(SUM) != _sum(state):
        raise UserError(f"{path}: not as it was written; delete it, and the ensemble goes without")
    return state


def _sum(state: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of all names, types, shapes and numbers."""
    found = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        found.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        found.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def load_members(paths: Iterable[Path], empty: nn.Module) -> list[dict[str, torch.Tensor]]:
    """The weights of generators that fit the network ``empty``, each to be loaded by ``load_state_dict``.

    Raises:
        UserError: a file is none, or holds the weights of another network.
    """
    found = []
    for path in paths:
        state = read_member(path)
        own = {name: (t.shape, t.dtype) for name, t in empty.state_dict().items()}
        if {name: (t.shape, t.dtype) for name, t in state.items()} != own:
            raise UserError(f"{path}: holds the weights of another generator than config.yaml describes")
        checked(lambda state=state: empty.load_state_dict(state), str(path))  # type: ignore[misc]
        found.append(state)
    return found
