"""The trainer of a run with workers, as the laboratory sees it: where worker 0 is, for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lab.distributed.config import DistributedConfig
from lab.distributed.group import Group, Turns
from lab.distributed.team import Team
from lab.errors import UserError
from lab.training.trainer import Context

BUILD, ADVANCE, METRICS, EVALUATE, SAVE, LOAD, STOP = "build", "advance", "metrics", "evaluate", "save", "load", "stop"
WORDS = (BUILD, ADVANCE, METRICS, EVALUATE, SAVE, LOAD, STOP)
"""What worker 0's process asks the others to do with it."""


class DistributedTrainer:
    """One run; obeys :class:`lab.training.trainer.Trainer`. A step is one of every worker's.

    Args:
        config: of the run.
        context: of the run.
        group: of workers that are processes; None where they take turns in this one.
        averaged: called with this trainer after each average of weights.

    Raises:
        UserError: workers are to be processes, and there are none.
    """

    def __init__(
        self,
        config: DistributedConfig,
        context: Context,
        group: Group | None = None,
        averaged: Callable[[DistributedTrainer], object] | None = None,
    ) -> None:
        if group is None and not config.workers.simulated and config.workers.count > 1:
            raise UserError(
                "workers.simulated: false asks for a process for each worker, which `lab distributed train` starts; "
                "true is accepted here"
            )
        self.config, self._averaged = config, averaged
        self._group = group or Turns(config.workers.count)
        self._group.tell(BUILD, 0)
        self.team = Team(config, context, self._group)
        self.step = self.team.step

    def advance(self, until: int) -> None:
        """Train every worker until the step."""
        while self.step < until:
            stop = int(min(until, self.team.due))
            self._group.tell(ADVANCE, stop)
            self.team.advance(stop)
            self.step = stop
            if self._averaged is not None and self.team.averaged:
                self._averaged(self)

    def metrics(self) -> dict[str, float]:
        """Means of the workers' rows, and what averaging cost."""
        self._group.tell(METRICS, 0)
        return self.team.metrics()

    def evaluate(self) -> dict[str, float]:
        """Scores of the mean of the workers' weights."""
        self._group.tell(EVALUATE, 0)
        return self.team.evaluate()

    def state_dict(self) -> dict[str, Any]:
        """Every worker's state."""
        self._group.tell(SAVE, 0)
        return self.team.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self._group.tell(LOAD, 0)
        self.team.load_state_dict(state)
        self.step = self.team.step
