"""What the voices say of many steps at once: a table of numbers, and of each step what it has to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gan.config import AVERAGE, PLAYERS, GanConfig
from gan.optimizers.lookahead import Lookahead
from gan.rates import Rates
from lab.phase import Follower
from lab.phase.cycles import Ints
from lab.phase.voice import Floats
from lab.techniques.averaging import share

Kind = frozenset[str]
"""What a step does beside what every step does: voices above 0 that scale something, and ``LOOKAHEAD`` where due."""
STEP, SHARE, LOOKAHEAD = "step", "ema.share", "lookahead"
SEEN = {"augment.strength": "strength", "noise.std": "noise"}
"""Voices of what the discriminator sees, each with the attribute of :class:`gan.view.View` that it sets."""


@dataclass(frozen=True)
class Portion:
    """Some steps: float64[steps, columns] on the host, and the kind of each."""

    values: Tensor
    kinds: list[Kind]


class Table:
    """The table of a run none of whose voices follows what is measured.

    Attributes:
        columns: the step, both learning rates, the share that the average goes, and the voices that a kind names.
    """

    def __init__(self, config: GanConfig, rates: Rates, lookahead: Lookahead | None) -> None:
        self._voices = {n: voice for n, voice in config.parsed_voices().items() if not isinstance(voice, Follower)}
        self._rates, self._lookahead = rates, lookahead
        self._decay, self._every = config.decay, config.penalty_every
        self._weights = [f"{name}.weight" for name in config.weighed_penalties()]
        self._scaling = (*(name for name in SEEN if name in self._voices), *self._weights)
        self.columns = (STEP, *(f"lr.{player}" for player in PLAYERS), SHARE, *self._scaling)

    def over(self, begin: int, end: int) -> Portion:
        """Steps ``begin`` … ``end`` − 1, each number as the conductor would give it at its step."""
        steps = np.arange(begin, end, dtype=np.int64)
        values = {name: voice(steps) for name, voice in self._voices.items()}
        of_average = {name: values[name].tolist() for name in AVERAGE if name in values}
        decays = [self._decay({name: own[i] for name, own in of_average.items()}) for i in range(len(steps))]
        values[SHARE] = np.array([share(step, decay) for step, decay in zip(range(begin, end), decays, strict=True)])
        values |= self._rates.ahead(values) | {STEP: steps.astype(np.float64)}
        for name in self._weights:
            values[name] = np.where(steps % self._every == 0, values[name] * self._every, 0.0)
        rows = np.stack([values[name] for name in self.columns], axis=1)
        return Portion(torch.from_numpy(rows), self._kinds(steps, values))

    def _kinds(self, steps: Ints, values: Mapping[str, Floats]) -> list[Kind]:
        doing = {name: (values[name] > 0).tolist() for name in self._scaling}
        if self._lookahead:
            doing[LOOKAHEAD] = [self._lookahead.due(step) for step in steps.tolist()]
        return [frozenset(name for name, does in doing.items() if does[place]) for place in range(len(steps))]
