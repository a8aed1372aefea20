"""Local SGD and DiLoCo: workers learn by themselves, and now and then their weights become one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lab.distributed.config import OuterOptimizer
from lab.distributed.flat import joined, spread_over, statistics, weights
from lab.distributed.group import Mean
from lab.phase.voice import Voice
from lab.training.trainer import Sharing


class Averaging:
    """What happens between and at averages.

        θ ← outer(θ, mean_k(θ_k − θ))          at the average; θ_k ← θ for every worker k

    where θ are the weights of the last average, and the plain ``outer`` adds the mean difference: θ becomes the mean of
    the workers' weights (Stich 2019). Another takes it for the negative gradient (DiLoCo, Douillard et al. 2023,
    algorithm 1). Statistics of BatchNorm and what follows the weights, such as a moving average, become their means.
    Each worker's own optimiser keeps its moments.

    Args:
        workers: those of this process, at one step and with equal weights.
        mean: over the workers of all processes.
        every: the voice that says at one average how many steps lie before the next, rounded down.
        outer: None is the plain average.
        steps: at which there is an average whatever the voice says.

    Attributes:
        every: the voice.
        at: the step of the last average; 0 before the first.
        due: the step of the next.
        spread: the root of the mean square distance of the workers' weights from their mean, before the last average.
    """

    def __init__(
        self, workers: Sequence[Sharing], mean: Mean, every: Voice, outer: OuterOptimizer | None, steps: int
    ) -> None:
        self._workers, self._mean, self._steps, self.every = workers, mean, steps, every
        self.at, self.spread = 0, 0.0
        self.due = self._after(0)
        self._weights = [weights([*worker.models().values()]) for worker in workers]
        self._theta = torch.nn.Parameter(joined(self._weights[0]).clone())
        self._outer = _built(outer, self._theta)

    def interval(self, step: int) -> int:
        """How many steps lie between an average at this step and the next, at least 1."""
        return max(1, math.floor(self.every(step)))

    def _after(self, step: int) -> int:
        return min(self._steps, step + self.interval(step)) if step < self._steps else step + self.interval(step)

    @torch.no_grad()
    def average(self, step: int) -> None:
        """Make the workers' weights one."""
        count = self._theta.numel()
        differences = [joined(own).sub_(self._theta) for own in self._weights]
        others = [self._others(worker) for worker in self._workers]
        rows = [
            torch.cat((difference, difference.square().sum()[None], *(other.reshape(-1) for other in own)))
            for difference, own in zip(differences, others, strict=True)
        ]
        found = self._mean(rows)
        difference, square, rest = found[:count], float(found[count]), found[count + 1 :]
        self.spread = math.sqrt(max(0.0, square - float(difference.square().sum())))
        self._theta.grad = difference.neg()
        self._outer.step()
        self._theta.grad = None
        for own, other in zip(self._weights, others, strict=True):
            spread_over(self._theta, own)
            spread_over(rest, other)
        self.at = step
        self.due = self._after(step)

    def _others(self, worker: Sharing) -> list[Tensor]:
        return [*statistics([*worker.models().values()]), *worker.followers()]

    def state_dict(self) -> dict[str, Any]:
        """The weights of the last average, the outer momentum, when it was."""
        momentum = self._outer.state.get(self._theta, {}).get("momentum_buffer")
        return {
            "theta": self._theta.detach(),
            "momentum": torch.zeros_like(self._theta) if momentum is None else momentum,
            "begun": momentum is not None,
            "at": self.at,
            "spread": self.spread,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        with torch.no_grad():
            self._theta.copy_(state["theta"])
        self._outer.state.clear()
        if state["begun"]:
            self._outer.state[self._theta]["momentum_buffer"] = state["momentum"].to(self._theta.device).clone()
        self.at, self.spread = int(state["at"]), float(state["spread"])
        self.due = self._after(self.at)  # not as it was saved: the run may have been given more steps since


def _built(outer: OuterOptimizer | None, theta: torch.nn.Parameter) -> torch.optim.SGD:
    if outer is None:
        return torch.optim.SGD([theta], lr=1.0)
    return torch.optim.SGD(
        [theta], lr=outer.lr, momentum=outer.momentum, nesterov=outer.nesterov and outer.momentum > 0
    )
