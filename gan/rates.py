"""The players' learning rates at each step: their voices, and what a control of the balance makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch.optim import Optimizer

from gan.config import ADVANTAGE, PLAYERS, GanConfig
from lab.phase import Follower, Schedule, targets
from lab.phase.voice import Floats

REMEMBERED = 0.95
"""Decay of the moving average of the accuracy that voices may follow."""


class Rates:
    """Sets both learning rates, and keeps what was measured of the game for the next step.

    Attributes:
        levels: what voices may follow. ``advantage``: 0 where the discriminator cannot tell real samples from generated
            ones, 1 where it ranks every pair of them right; a moving average over steps.
        scale: what each player's voice is multiplied by; 1 unless somebody sets it.
        watching: whether anything depends on what a step measures, so that it must be read from the device.
    """

    def __init__(self, config: GanConfig, optimizers: Mapping[str, Optimizer]) -> None:
        voices = config.parsed_voices()
        self.levels = {ADVANTAGE: 0.0}
        self._followed = any(isinstance(voice, Follower) for voice in voices.values())
        self._control = config.balance.control(config.loss) if config.balance else None
        self._clock = config.parsed_clock()
        self._generator = voices["lr.generator"]
        self._targets = {name: targets.param_group(optimizers[name], "lr") for name in PLAYERS}
        self.scale = dict.fromkeys(PLAYERS, 1.0)
        self._set = dict.fromkeys(PLAYERS, 0.0)
        self.watching = follows(config)

    def set(self, step: int, voices: Mapping[str, float]) -> None:
        """Set both rates from the values of the voices at this step."""
        rates = {name: voices[f"lr.{name}"] for name in PLAYERS}
        if self._control is not None:
            if self._control.shift and isinstance(self._generator, Schedule):
                rates["generator"] = self._generator.shifted(self._control.shift)(step)
            rates["generator"] *= self._control.generator
            rates["discriminator"] *= self._control.discriminator
        for name, target in self._targets.items():
            rates[name] *= self.scale[name]
            target(rates[name])
        self._set = rates

    def ahead(self, voices: Mapping[str, Floats]) -> dict[str, Floats]:
        """Both rates, by voice, over steps that nothing watches, in order; the last of them counts as set."""
        rates = {name: voices[f"lr.{name}"] * self.scale[name] for name in PLAYERS}
        self._set = {name: float(values[-1]) for name, values in rates.items()}
        return {f"lr.{name}": values for name, values in rates.items()}

    def observe(self, step: int, seen: Mapping[str, float]) -> None:
        """Take in what a step measured, by column."""
        advantage = min(max(2 * seen["accuracy/discriminator"] - 1, 0.0), 1.0)
        self.levels[ADVANTAGE] += (1 - REMEMBERED) * (advantage - self.levels[ADVANTAGE])
        if self._control is not None:
            self._control.observe({**seen, "clock/phase": float(self._clock.position(step).phase)})

    def shown(self) -> dict[str, float]:
        """For the metrics log: the rates as they were set last, where a control had a part in them, and the levels."""
        row = {f"rate/{name}": rate for name, rate in self._set.items()} if self._control is not None else {}
        if self._control is not None and self._control.shift:
            row["rate/shift"] = self._control.shift
        return row | ({f"level/{ADVANTAGE}": self.levels[ADVANTAGE]} if self._followed else {})

    def state_dict(self) -> dict[str, Any]:
        """Levels, the rates that were set last, and the control's memory."""
        control = self._control.state_dict() if self._control is not None else {}
        return {"levels": dict(self.levels), "set": dict(self._set), "control": control}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self.levels = {ADVANTAGE: float(state["levels"][ADVANTAGE])}
        self._set = {name: float(state["set"][name]) for name in PLAYERS}
        if self._control is not None:
            self._control.load_state_dict(state["control"])


def follows(config: GanConfig) -> bool:
    """Whether a voice or the balance follows what is measured of the game."""
    return config.balance is not None or any(isinstance(voice, Follower) for voice in config.parsed_voices().values())
