"""The engine as a guest in a PyTorch training loop: a learning-rate scheduler with a schedule for every group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler

from lab.phase.errors import keys, refuse, whole
from lab.phase.voice import Voice


class PhaseLR(LRScheduler):
    """A torch scheduler whose learning rate at its step t is ``schedule(t)``, whatever happened before.

    It stands at step 0 when it is built, and at each ``step()`` goes one further, as every torch scheduler does. Its
    state is the step alone; the schedule is the one it was built with, so that nothing stale is resumed. Loading a
    state sets the learning rates of that step at once: optimiser and scheduler may be loaded in any order.

    Args:
        optimizer: any torch optimiser; a tensor lr is filled in place.
        schedule: one for all parameter groups, or a sequence with one for each.
        last_epoch: the last step seen, to continue without a saved state: ``last_epoch=499`` stands at step 500.

    >>> from lab.phase import Clock, Schedule
    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    >>> scheduler = PhaseLR(optimizer, Schedule(Clock(period=4), wave="triangle", low=0.0, high=0.1))
    >>> for _ in range(2):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [0.0]
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, schedule: Voice | Sequence[Voice], last_epoch: int = -1
    ) -> None:
        groups = len(optimizer.param_groups)
        schedules = list(schedule) if isinstance(schedule, Sequence) else [schedule] * groups
        if len(schedules) != groups:
            raise refuse("schedule", schedule, f"one schedule, or {groups}: one for each parameter group")
        for each in schedules:
            if not isinstance(each, Voice):
                raise refuse("schedule", each, "a schedule or a Constant")
        self.schedules = schedules
        whole("last_epoch", last_epoch, -1)
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", float(group["lr"]))  # torch refuses to continue without it; we never read it
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float | torch.Tensor]:
        """The learning rate of each group at the current step."""
        return [schedule(self.last_epoch) for schedule in self.schedules]

    def state_dict(self) -> dict[str, Any]:
        """The step, as plain data."""
        return {"last_epoch": self.last_epoch, "_step_count": self._step_count}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to the saved step and set its learning rates.

        Raises:
            PhaseError: the state of another kind of scheduler.
        """
        keys("state", state_dict, ("last_epoch", "_step_count"))
        self.last_epoch = whole("state.last_epoch", state_dict.get("last_epoch"), -1)
        self._step_count = whole("state._step_count", state_dict.get("_step_count"), 0)
        if self.last_epoch < 0:  # it waits its turn in a SequentialLR, and another one's rates stand
            return
        self._last_lr = []
        for group, lr in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(lr)
                self._last_lr.append(group["lr"].clone())
            else:
                group["lr"] = lr
                self._last_lr.append(lr)
