"""The weights that a run begins with where another run made them: found, checked against its networks, copied in."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lab.door import files
from lab.errors import UserError
from lab.training import checkpoints, manifest, plugins
from lab.training.checkpoints import Checkpoint
from lab.training.init_from import InitFrom
from lab.training.manifest import MANIFEST, BrokenCheckpoint
from lab.training.run import CONFIG, Run

if TYPE_CHECKING:
    from lab.training.config import RunConfig


@dataclass
class Initial:
    """A checkpoint of another run, whose networks a trainer copies as soon as it has drawn its own.

    Attributes:
        source: of the weights.
        checkpoint: of it; a trainer may read more of its state than networks, such as what observations are scaled by.
        fresh: patterns of weights that stay as they were drawn.
        loaded: whether :meth:`load` was called.
    """

    source: Run
    checkpoint: Checkpoint
    fresh: Sequence[str] = ()
    loaded: bool = field(default=False, init=False)

    @property
    def told(self) -> str:
        """Run and step, in words."""
        return f"run {self.source.name} at step {self.checkpoint.step}"

    @torch.no_grad()
    def load(self, networks: Mapping[str, nn.Module]) -> None:
        """Copy weights and buffers into networks, in place.

        Args:
            networks: by the names under which the trainer's ``state_dict`` has them.

        Raises:
            UserError: a tensor is missing, too many, or of another shape or type; the first one is named, and nothing
                was copied. Or a pattern of ``fresh`` matches none.
        """
        own = {(name, key): tensor for name, net in networks.items() for key, tensor in _tensors(net.state_dict())}
        fresh = self._fresh([*own])
        given = {place: tensor for name in networks for place, tensor in self._given(name)}
        for place in dict.fromkeys([*own, *given]):
            if place not in fresh and not _matches(place, self.fresh) and (wrong := _unlike(own, given, place)):
                raise UserError(
                    f"init_from: {self.told} is of another architecture: {wrong}; "
                    f"accepted: equal networks, or init_from.fresh with the weights that begin anew"
                )
        for place, tensor in own.items():
            if place not in fresh:
                tensor.copy_(given[place])
        self.loaded = True

    def _fresh(self, places: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of a trainer's own weights that stay."""
        for pattern in self.fresh:
            if not any(_matches(place, [pattern]) for place in places):
                listed = ", ".join(key for _, key in places[:8]) + (", …" if len(places) > 8 else "")
                raise UserError(f"init_from.fresh: {pattern!r} matches none of the weights ({listed})")
        return {place for place in places if _matches(place, self.fresh)}

    def _given(self, name: str) -> Iterator[tuple[tuple[str, str], Tensor]]:
        found = self.checkpoint.state.get(name)
        if not isinstance(found, Mapping):
            raise UserError(f"init_from: {self.told} has no network {name!r}")
        for key, tensor in _tensors(found):
            yield (name, key), tensor

    def record(self) -> dict[str, Any]:
        """What was loaded, for the provenance."""
        path = self.source.checkpoints / f"{self.checkpoint.step:09d}" / MANIFEST
        content = files.read(path, manifest.MOST_BYTES) if path.exists() else b""  # pruned while it was read
        return {
            "run": str(self.source.path.absolute()),
            "step": self.checkpoint.step,
            "manifest_sha256": hashlib.sha256(content).hexdigest() if content else None,
        }


def find(wanted: InitFrom, seed: int, near: Path, trainer: str) -> Initial:
    """The checkpoint that a configuration names.

    Args:
        wanted: the field of the configuration.
        seed: of the run that begins.
        near: the directory in which that run lies, or will.
        trainer: whose networks that run has; the other must have the same one's.

    Raises:
        UserError: there is no such run, it is of another trainer, or it has no such checkpoint.
    """
    source = check(wanted, seed, near)
    if plugins.networks(source.trainer, source.config) != trainer:
        raise UserError(f"init_from: {source.name} is a run of {source.trainer!r}; accepted: a run of {trainer!r}")
    if wanted.step is None:
        return Initial(source, checkpoints.needed(source.checkpoints), wanted.fresh)
    path = manifest.paths(source.checkpoints)[wanted.step]
    try:
        return Initial(source, checkpoints.load(path), wanted.fresh)
    except BrokenCheckpoint as error:
        raise UserError(f"init_from: checkpoint {path} is not whole ({error})") from None


def check(wanted: InitFrom, seed: int, near: Path) -> Run:
    """The run that a configuration names, once it is sure that it has the checkpoint; which is not read.

    Raises:
        UserError: there is no such run, or it has no such checkpoint.
    """
    source = source_of(wanted, seed, near)
    there = manifest.paths(source.checkpoints)
    if wanted.step is not None and wanted.step not in there:
        kept = ", ".join(map(str, there)) or "none"
        raise UserError(
            f"init_from: run {source.name} has no checkpoint of step {wanted.step}; it has {kept} "
            "(its keep_checkpoints says how many stay)"
        )
    return source


def again(run: Run) -> Initial | None:
    """What a run began with, from where its provenance says that it was; None where its own seed drew everything.

    Raises:
        UserError: it is no longer there.
    """
    record, wanted = run.provenance.get("init_from"), run.config.get("init_from")
    if record is None or wanted is None:
        return None
    exact = InitFrom(run=record["run"], step=record["step"], fresh=tuple(wanted["fresh"]))
    return find(exact, 0, run.path.parent, plugins.networks(run.trainer, run.config))


def source_of(wanted: InitFrom, seed: int, near: Path) -> Run:
    """The run that a configuration names: a path, or a name under ``near`` or the directory above it.

    Raises:
        UserError: there is none.
    """
    name = wanted.name(seed)
    for path in (Path(name), near / name, near.parent / name):
        if (path / CONFIG).is_file():
            return Run.open(path)
    raise UserError(f"init_from: no run {name!r}, neither a path nor the name of one beside this run or its study")


def pinned(config: RunConfig, near: Path, trainer: str) -> RunConfig:
    """The configuration with the step written out where it asks for the newest checkpoint.

    Raises:
        UserError: as :func:`find`.
    """
    if config.init_from is None:
        return config
    found = find(config.init_from, config.seed, near, plugins.networks(trainer, config.model_dump(mode="json")))
    wanted = config.init_from.model_copy(update={"step": found.checkpoint.step})
    return config.model_copy(update={"init_from": wanted})


def _tensors(state: Mapping[Any, Any]) -> Iterator[tuple[str, Tensor]]:
    return ((str(key), value) for key, value in state.items() if isinstance(value, Tensor))


def _matches(place: tuple[str, str], patterns: Sequence[str]) -> bool:
    """Whether a tensor's name, with that of its network or without, is among the patterns."""
    return any(fnmatch.fnmatchcase(name, p) for p in patterns for name in (place[1], ".".join(place)))


def _unlike(own: Mapping[Any, Tensor], given: Mapping[Any, Tensor], place: tuple[str, str]) -> str:
    """In what a tensor differs here and there; nothing where it does not."""
    one, other = own.get(place), given.get(place)
    if one is not None and other is not None and one.shape == other.shape and one.dtype == other.dtype:
        return ""
    return f"{'.'.join(place)} is {_kind(other)} there and {_kind(one)} here"


def _kind(tensor: Tensor | None) -> str:
    return "absent" if tensor is None else f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"
