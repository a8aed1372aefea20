"""The whole step as a device plays it alone: rates, weights, decay and places were laid out there for many steps.

The host is asked for nothing and looks at nothing, so that on a GPU each kind of step is one CUDA graph
(:mod:`gan.graphs`). On a CPU the same step is played as it stands, and is the eager one bit for bit (tested).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch

from gan.config import PLAYERS, GanConfig
from gan.data.rows import Rows
from gan.data.source import Source, ahead, real
from gan.graphs import Graphs
from gan.players import Players
from gan.rates import Rates
from gan.step import Game
from gan.table import LOOKAHEAD, SEEN, SHARE, STEP, Kind, Table
from gan.view import View
from lab.techniques.averaging import Average
from lab.training.meter import Meter

MOST = 1024
"""Steps that are laid out at once."""
PLACES = 2**20
"""Samples whose places are laid out at once, if a single step does not take more."""


class Captured:
    """Plays a run's steps in portions, each laid out before its first.

    Args:
        config, game, players, average, meter, rates: the run's; what they hold is changed in place.
        source: where real samples come from.
        random: generators on the device that a step draws from, ``view`` among them.

    Raises:
        ValueError: the source's samples are chosen step by step, on the host.
    """

    def __init__(
        self,
        config: GanConfig,
        game: Game,
        players: Players,
        average: Average,
        meter: Meter,
        rates: Rates,
        source: Source,
        random: Mapping[str, torch.Generator],
    ) -> None:
        device = random["view"].device
        self._batches = sum("discriminator" in together for together in game.plan)
        self._most = max(1, min(MOST, PLACES // (self._batches * config.batch_size)))
        self._data = ahead(source, self._most * self._batches, config.batch_size)
        if self._data is None:
            raise ValueError(f"the samples of data {config.data.name!r} are chosen on the host")
        self._view = View(config.augment, config.packing, random["view"])  # the run's own one holds numbers of the host
        drawn = partial(real, self._data.source, config.conditional)
        self._game = replace(game, real=drawn, view=self._view)
        self._players, self._average, self._meter = players, average, meter
        self._table = Table(config, rates, players.lookahead)
        self._rows = Rows(self._most, device)
        self.play = Graphs(self.step, list(random.values())) if device.type == "cuda" else self.step

    def lay_out(self, begin: int, until: int) -> list[Kind]:
        """Make ready for steps from ``begin``, to ``until`` at most, and say of which kind each is.

        They are to be played all, one after another, by ``play(kind)``.
        """
        assert self._data is not None
        portion = self._table.over(begin, min(until, begin + self._most))
        self._rows.lay_out(portion.values)
        self._data.lay_out(len(portion.kinds) * self._batches)
        return portion.kinds

    def step(self, kind: Kind) -> None:
        """The step that comes: nothing here waits for the device, nor depends on anything but the kind and tensors."""
        row = self._rows.take()
        exact = dict(zip(self._table.columns, row.unbind(), strict=True))
        value = dict(zip(self._table.columns, row.float().unbind(), strict=True))
        for player in PLAYERS:
            self._players.optimizers[player].param_groups[0]["lr"].copy_(exact[f"lr.{player}"])
        for name, attribute in SEEN.items():
            if name in value:
                setattr(self._view, attribute, value[name] if name in kind else 0.0)
        weights = {name: f"{name}.weight" for name in self._game.penalties}
        statistics = self._game.step({name: value[w] if w in kind else 0.0 for name, w in weights.items()})
        if self._players.lookahead and LOOKAHEAD in kind:
            self._players.lookahead.back()
        self._average.draw(value[SHARE])
        self._meter.add(exact[STEP].long(), statistics)

    def left_out(self, kind: Kind) -> list[str]:
        """The columns that a step of this kind does not measure."""
        return [f"penalty/{name}" for name in self._game.penalties if f"{name}.weight" not in kind]
