"""Trains a GAN at every cell of a grid of learning rates, in one stack, and says which cells train."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gan.region.config import Cell, RegionConfig
from gan.stack import Stack, stack_key
from gan.trainer import GanTrainer
from lab.training.finite import NonFiniteError
from lab.training.trainer import Context, unheard

SCORES = ("good", "modes")
"""What a cell is judged by, of the averaged generator."""


class RegionTrainer:
    """One run; obeys :class:`lab.training.trainer.Trainer`.

    Every cell begins with the same weights and sees the same draws. A cell whose numbers overflow is lost: it is
    trained no further, and has a score of 0.
    """

    def __init__(self, config: RegionConfig, context: Context) -> None:
        self.step = 0
        self.config = config
        self.cells = config.region.cells()
        member = config.of_member()
        quiet = replace(context, event=unheard)
        self.members: dict[str, GanTrainer] = {}
        for cell in self.cells:
            trainer = GanTrainer(member, quiet, snapshots=False)
            trainer.rates.scale = cell.scale()
            self.members[cell.name] = trainer
        self._stackable = stack_key(member) is not None
        self._lost: list[str] = []
        self._cycle = _Cycle()
        self._advance = self._together()

    def advance(self, until: int) -> None:
        """Train every cell that is not lost until ``self.step == until``."""
        self._advance(until)
        self.step = until

    def metrics(self) -> dict[str, float]:
        """The clock, the voices (of mean 1), and how many cells are lost so far."""
        lost = len(self._lost)
        row: dict[str, float] = {}
        for name, member in self._alive().items():
            try:
                row = row or {k: v for k, v in member.metrics().items() if k.startswith(("clock/", "voice/"))}
                member.players.check(self.step)
            except NonFiniteError:
                self._lost.append(name)
        if len(self._lost) > lost:
            self._advance = self._together()
        return row | {"cells/lost": float(len(self._lost))}

    def evaluate(self) -> dict[str, float]:
        """``good@CELL`` and ``modes@CELL`` of each cell's averaged generator, and ``trained``.

        ``evaluation/trained`` is the share of cells whose means since the cycle began are good enough: at the last
        evaluation of a cycle, over the whole of it.
        """
        found = {name: self._scores(name, member) for name, member in self._alive().items()}
        scores = {cell.name: found.get(cell.name, dict.fromkeys(SCORES, 0.0)) for cell in self.cells}
        # The evaluation at a cycle's first step is the last of the cycle before.
        self._cycle.add(self.config.parsed_clock().position(max(self.step - 1, 0)).cycle, scores)
        trained = [self._is_trained(cell) for cell in self.cells]
        row = {f"evaluation/{key}@{name}": own[key] for name, own in scores.items() for key in SCORES}
        return {"evaluation/trained": sum(trained) / len(trained), **row}

    def state_dict(self) -> dict[str, Any]:
        """Every cell's state, and the sums of the cycle."""
        states = {f"cell-{place:03d}": self._saved(cell) for place, cell in enumerate(self.cells)}
        return {"step": self.step, "lost": list(self._lost), "cycle": self._cycle.state_dict(), **states}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self.step = int(state["step"])
        self._lost = [str(name) for name in state["lost"]]
        self._cycle.load_state_dict(state["cycle"])
        for place, cell in enumerate(self.cells):
            if cell.name not in self._lost:
                self.members[cell.name].load_state_dict(state[f"cell-{place:03d}"])
        self._advance = self._together()

    def _alive(self) -> dict[str, GanTrainer]:
        return {name: member for name, member in self.members.items() if name not in self._lost}

    def _together(self) -> Callable[[int], None]:
        """What advances the cells that are left."""
        alive = list(self._alive().values())
        if self._stackable and alive:
            return Stack(alive).advance
        return lambda until: _one_by_one(alive, until)

    def _saved(self, cell: Cell) -> Any:
        """A lost cell has nothing to go on from."""
        return {} if cell.name in self._lost else self.members[cell.name].state_dict()

    def _scores(self, name: str, member: GanTrainer) -> dict[str, float]:
        try:
            row = member.evaluate(raw=False)
        except NonFiniteError:
            return dict.fromkeys(SCORES, 0.0)
        return {key: row[f"evaluation/ema/{key}"] for key in SCORES}

    def _is_trained(self, cell: Cell) -> bool:
        least = self.config.region.success
        return self._cycle.mean(cell.name, "modes") >= least.modes and self._cycle.mean(cell.name, "good") >= least.good


class _Cycle:
    """Sums of the cells' scores over the evaluations of one cycle."""

    def __init__(self) -> None:
        self._cycle, self._count = -1, 0
        self._sums: dict[str, dict[str, float]] = {}

    def add(self, cycle: int, scores: Mapping[str, Mapping[str, float]]) -> None:
        if cycle != self._cycle:
            self._cycle, self._count, self._sums = cycle, 0, {}
        self._count += 1
        for name, own in scores.items():
            before = self._sums.get(name, {})
            self._sums[name] = {key: before.get(key, 0.0) + value for key, value in own.items()}

    def mean(self, name: str, key: str) -> float:
        return self._sums[name][key] / self._count

    def state_dict(self) -> dict[str, Any]:
        return {"cycle": self._cycle, "count": self._count, "sums": {k: dict(v) for k, v in self._sums.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._cycle, self._count = int(state["cycle"]), int(state["count"])
        self._sums = {str(k): {str(key): float(x) for key, x in v.items()} for k, v in state["sums"].items()}


def _one_by_one(members: Sequence[GanTrainer], until: int) -> None:
    for member in members:
        member.advance(until)
