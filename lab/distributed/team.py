"""The workers of one process, and what those of all processes do together: advance, measure, save, restore."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, cast

from torch import Tensor

from lab.distributed.averaging import Averaging
from lab.distributed.clocks import of_rank
from lab.distributed.config import SYNC, DistributedConfig, of_worker
from lab.distributed.flat import joined, spread_over, statistics, weights
from lab.distributed.gradients import Gradients, apart
from lab.distributed.group import Counted, Group
from lab.distributed.telling import agreed, gathered, told
from lab.errors import RunError, UserError
from lab.training.plugins import trainer
from lab.training.restoring import WRONG
from lab.training.share import Share
from lab.training.trainer import Context, Sharing, unheard

DRIFT = 1e-3
"""How far, as a share of their norm, the weights of data-parallel workers may be apart: rounding is far below."""
NEEDED = ("models", "optimizers", "followers")
"""What a trainer must have to be one of several workers."""


class Team:
    """This process' workers of a run. Every process calls the same members in the same order.

    Args:
        config: of the run.
        context: of worker 0; the others write no events, and keep their snapshots in folders of their own.
        group: of all workers.

    Attributes:
        step: at which all stand.
        workers: trainers, in order of rank.

    Raises:
        UserError: the trainer refuses the configuration, or cannot be one of several workers.
    """

    def __init__(self, config: DistributedConfig, context: Context, group: Group) -> None:
        self.step = 0
        self.config, self.group = config, group
        self._counted = Counted(group)
        self._shares = [_share(config, rank) for rank in group.ranks]
        self.workers = gathered(group, [told(partial(self._built, share, context)) for share in self._shares])
        self._begin_alike()
        self._averaging, self._gradients = None, None
        if config.local:
            outer = config.workers.outer_optimizer
            self._averaging = Averaging(self.workers, self._counted.mean, config.every(), outer, config.steps)
        elif group.size > 1:
            self._gradients = Gradients(self.workers[0], self._counted.mean)

    def _built(self, share: Share, context: Context) -> Sharing:
        config, own = self.config, replace(context, share=share)
        if share.rank:
            snapshots = context.snapshots / f"worker-{share.rank}"
            snapshots.mkdir(exist_ok=True)
            own = replace(own, snapshots=snapshots, event=unheard)
        built = trainer(config.trainer).build(of_worker(config, of_rank(config, share.rank)), own)
        if missing := [name for name in NEEDED if not hasattr(built, name)]:
            raise UserError(f"trainer: {config.trainer!r} cannot be one of several workers: it lacks {missing[0]}()")
        return cast(Sharing, built)

    def _begin_alike(self) -> None:
        """Give every process the weights of worker 0, which alone may have begun with another run's."""
        if len(self.workers) < self.group.size:
            own = self._averaged(self.workers[0])
            (first,) = self.group.scatter([joined(own)] * self.group.size if self.group.leads else [])
            spread_over(first.to(own[0].device), own)

    @property
    def due(self) -> float:
        """The step of the next average of weights; infinity where none ever is."""
        return math.inf if self._averaging is None else self._averaging.due

    @property
    def averaged(self) -> bool:
        """Whether all workers have the same weights now, just averaged or never apart."""
        return self._averaging is None or self._averaging.at == self.step

    def advance(self, until: int) -> None:
        """Train every worker until the step, averaging where it is due."""
        while self.step < until:
            stop = self.step + 1 if self._averaging is None else min(until, self._averaging.due)
            for worker in self.workers:
                worker.advance(stop)
            self.step = stop
            if self._gradients is not None:
                self._gradients.stepped()
            elif self._averaging is not None and stop == self._averaging.due:
                self._averaging.average(stop)
        if self.group.size > 1 and not all(share.minded for share in self._shares):
            said = f"trainer: {self.config.trainer!r} would learn the whole batch on every worker"
            raise agreed(self.group, UserError(said))

    def metrics(self) -> dict[str, float]:
        """Means of the workers' rows, and what averaging cost, where worker 0 is; empty elsewhere."""
        if self._gradients is not None and apart(self.workers, self.group.mean) > DRIFT:
            said = (
                f"the workers' weights are apart at step {self.step}: something that each measures for itself moves "
                f"them, such as a control of the players' balance; with the voice {SYNC} weights are averaged"
            )
            raise agreed(self.group, RunError(said))
        rows = gathered(self.group, [told(worker.metrics) for worker in self.workers], self.group.gather)
        if not self.group.leads:
            return {}
        row = {name: _mean([own[name] for own in rows if name in own]) for every in rows for name in every}
        if self._averaging is not None:
            row |= {f"voice/{SYNC}": self._averaging.every(self.step), "workers/spread": self._averaging.spread}
        return row | self._cost("workers")

    def _cost(self, prefix: str) -> dict[str, float]:
        return {f"{prefix}/bytes": float(self._counted.sent), f"{prefix}/averages": float(self._counted.rounds)}

    def evaluate(self) -> dict[str, float]:
        """Scores of the mean of the workers' weights, and what averaging cost, where worker 0 is; empty elsewhere."""
        with self.as_one():
            return self.workers[0].evaluate() | self._cost("evaluation") if self.group.leads else {}

    @contextmanager
    def as_one(self) -> Iterator[None]:
        """The first worker of this process has the mean of all workers' weights; what this sends is not counted."""
        if self.averaged:
            yield
            return
        each = [self._averaged(worker) for worker in self.workers]
        rows = [joined(tensors) for tensors in each]
        spread_over(self.group.mean(rows), each[0])
        try:
            yield
        finally:
            spread_over(rows[0], each[0])

    def _averaged(self, worker: Sharing) -> list[Tensor]:
        models = [*worker.models().values()]
        return [*weights(models), *statistics(models), *worker.followers()]

    def state_dict(self) -> dict[str, Any]:
        """Every worker's state, what the next average needs, and the mean weights under their own names.

        Where worker 0 is; empty elsewhere.
        """
        with self.as_one():
            models = {name: model.state_dict() for name, model in self.workers[0].models().items()}
            mean = {name: {key: value.clone() for key, value in own.items()} for name, own in models.items()}
        states = gathered(self.group, [told(worker.state_dict) for worker in self.workers], self.group.gather)
        if not self.group.leads:
            return {}
        return {
            "step": self.step,
            **mean,
            **{_key(rank): state for rank, state in enumerate(states)},
            "averaging": self._averaging.state_dict() if self._averaging is not None else {},
            "cost": self._counted.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned; only where worker 0 is it is looked at."""
        common = {name: state[name] for name in ("step", "averaging", "cost")} if self.group.leads else {}
        everybody = [{**common, "own": state[_key(rank)]} for rank in range(self.group.size)] if common else []
        mine = self.group.scatter(everybody)
        gathered(
            self.group, [told(partial(self._restore, *pair), WRONG) for pair in zip(self.workers, mine, strict=True)]
        )

    def _restore(self, worker: Sharing, state: Mapping[str, Any]) -> None:
        worker.load_state_dict(state["own"])
        self.step = int(state["step"])
        self._counted.load_state_dict(state["cost"])
        if self._averaging is not None:
            self._averaging.load_state_dict(state["averaging"])


def _share(config: DistributedConfig, rank: int) -> Share:
    workers = config.workers
    ahead = workers.offset(rank) - workers.offset(0)
    apart = config.local and workers.count > 1
    return Share(rank, workers.count, apart=apart, outer=workers.outer_optimizer is not None, ahead=ahead)


def _key(rank: int) -> str:
    return f"worker-{rank:04d}"


def _mean(values: Sequence[float]) -> float:
    """To the last bit the value that all have, where they have one."""
    return values[0] if len({*values}) == 1 else sum(values) / len(values)
