"""Data whose classes or modes arrive group by group, and real samples of before that come again as a voice says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import torch
from pydantic import Field
from torch import Tensor

from gan.data.source import LabelledSource, Source, StoredSource
from lab.errors import UserError
from lab.techniques.rehearsal import Owed
from lab.techniques.reservoir import Reservoir
from lab.training.record import Config

GATE = "rehearsal.share"
"""The voice that says which share of a batch of real samples comes from the reservoir."""


class TasksConfig(Config):
    """Tasks, each with an equal share of the run's steps, and of the classes or modes in their order."""

    number: int = Field(ge=2, le=1000, description="how many tasks there are")
    buffer_size: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description=f"real samples, of all that were met, that a reservoir on the device holds, as float32, for the "
        f"voice {GATE}; 0: none",
    )


class PartedSource(Source, Protocol):
    """A source that knows of what kind each of its samples is."""

    def kinds(self) -> int:
        """How many classes or modes it has; 0 where that is not known."""

    def of_kinds(self, kinds: range) -> Source:
        """A source of these alone."""


class InTasks:
    """One source after the other, and in the place of some of their samples those that were met before.

    Experience replay (Chaudhry et al. 2019), of real samples: both players see them as any others. A batch's replayed
    samples are drawn from what the reservoir held before it; then its new ones are offered. The two are shuffled, so
    that packed samples, and those of a worker, are of both kinds.

    Args:
        sources: of the tasks, in order.
        length: the steps of each.
        reservoir: what is held; None where nothing is replayed.
        random: the host generator that replayed samples are drawn by; its owner saves it.
        device: where batches are wanted.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        length: int,
        reservoir: Reservoir | None,
        random: torch.Generator,
        device: torch.device,
    ) -> None:
        self._sources, self._length = sources, length
        self._reservoir, self._random, self._device = reservoir, random, device
        self._owed = Owed()
        self._replayed = 0
        self.begin(0, 0.0)

    def begin(self, step: int, share: float) -> None:
        """Set what the batches of a step are made of: its task's samples, and this share of replayed ones."""
        self._task = min(step // self._length, len(self._sources) - 1)  # a run may be asked for more steps
        self._share = share

    def batch(self, n: int) -> Tensor:
        """The next ``n`` samples."""
        return self._mixed(n, labelled=False)[0]

    def labelled(self, n: int) -> tuple[Tensor, Tensor]:
        """The next ``n`` samples and their labels."""
        samples, labels = self._mixed(n, labelled=True)
        return samples, labels

    def _mixed(self, n: int, labelled: bool) -> tuple[Tensor, ...]:
        memory = self._reservoir
        due = self._owed.settle(self._share * n) if memory is not None and len(memory) else 0
        new = self._new(n - due, labelled) if due < n else ()
        again = memory.draw(due, self._random) if memory is not None and due else ()
        if memory is not None and new:
            memory.offer(*new)
        self._replayed += due
        if not (new and again):
            return new or again
        order = torch.randperm(n, generator=self._random).to(self._device)
        return tuple(torch.cat(both)[order] for both in zip(new, again, strict=True))

    def _new(self, n: int, labelled: bool) -> tuple[Tensor, ...]:
        source = self._sources[self._task]
        return cast(LabelledSource, source).labelled(n) if labelled else (source.batch(n),)

    def row(self) -> dict[str, float]:
        """Columns for the metrics log: the task that is on, and how many samples were replayed so far and are held."""
        task = {"task": float(self._task)}
        if self._reservoir is None:
            return task
        return {**task, "rehearsal/replayed": float(self._replayed), "rehearsal/held": float(len(self._reservoir))}

    def state_dict(self) -> dict[str, Any]:
        """Where every task's source stands, what is held and what is owed."""
        held = {} if self._reservoir is None else dict(self._reservoir.state_dict())
        sources = [source.state_dict() for source in self._sources]
        own = {"length": self._length, "owed": self._owed.amount, "replayed": self._replayed}
        return {"sources": sources, "reservoir": held, **own}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there.

        Raises:
            UserError: the run was begun with tasks of another length.
        """
        if state["length"] != self._length:
            now, before = (length * len(self._sources) for length in (self._length, state["length"]))
            raise UserError(f"steps: {now} is not accepted; {before} is, as the run's tasks were laid out by it")
        for source, own in zip(self._sources, state["sources"], strict=True):
            source.load_state_dict(own)
        if self._reservoir is not None:
            self._reservoir.load_state_dict(state["reservoir"], self._device)
        self._owed.amount, self._replayed = float(state["owed"]), int(state["replayed"])


def in_tasks(
    source: Source,
    tasks: TasksConfig,
    steps: int,
    name: str,
    device: torch.device,
    keep: torch.Generator,
    replay: torch.Generator,
) -> InTasks:
    """The same samples, task by task.

    Args:
        source: of all samples.
        tasks: into which it is divided.
        steps: of the run, a multiple of their number.
        name: the data's, for messages.
        device: where batches are wanted.
        keep, replay: host generators that decide what the reservoir holds and what of it is drawn.

    Raises:
        UserError: the samples are of no known kind, their kinds do not divide, or the buffer is larger than all data.
    """
    sources = parted(source, tasks.number, name)
    if hasattr(source, "stored") and tasks.buffer_size > (most := len(cast(StoredSource, source).stored()[0])):
        raise UserError(f"tasks.buffer_size: {tasks.buffer_size:,} is not accepted; at most {most:,} is, all samples")
    reservoir = Reservoir(tasks.buffer_size, keep) if tasks.buffer_size else None
    return InTasks(sources, steps // tasks.number, reservoir, replay, device)


def parted(source: Source, number: int, name: str) -> list[Source]:
    """The source in so many, of equally many classes or modes each, in their order.

    Raises:
        UserError: it has not two of them, they do not divide, or those of a task have no samples.
    """
    kinds = cast(PartedSource, source).kinds() if hasattr(source, "kinds") else 0
    if kinds < 2:
        raise UserError(f"tasks: {name!r} tells of no two classes or modes; ring, grid and labelled images do")
    if kinds % number:
        fit = ", ".join(str(n) for n in range(2, kinds + 1) if kinds % n == 0)
        raise UserError(f"tasks.number: {number} does not divide {kinds} classes or modes of {name!r}; {fit} do")
    each = kinds // number
    return [cast(PartedSource, source).of_kinds(range(first, first + each)) for first in range(0, kinds, each)]
