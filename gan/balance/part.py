"""What a control of the players' balance is to the GAN trainer: it watches the game, and slows or shifts a player."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from gan.losses import LossPart
from lab.training.parts import Part


class Control(Protocol):
    """The state of one run's control; all of it is plain numbers, which a checkpoint keeps.

    Attributes:
        generator, discriminator: what the players' learning rates are multiplied by in the next step.
        shift: by how much of a cycle the generator's learning rate runs ahead of its schedule.
    """

    @property
    def generator(self) -> float:
        """See above."""

    @property
    def discriminator(self) -> float:
        """See above."""

    @property
    def shift(self) -> float:
        """See above."""

    def observe(self, seen: Mapping[str, float]) -> None:
        """Take in what a step measured, by column of the metrics log.

        That is ``gan.step.STATISTICS``, and ``clock/phase``, at which it was measured.
        """

    def state_dict(self) -> dict[str, float]:
        """What the control remembers."""

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on from there."""


class BalancePart(Part):
    """A control of the balance. A subclass adds its settings as fields."""

    balance: str

    def check(self, loss: LossPart, has_wave: bool) -> None:
        """Refuse what it cannot control.

        Args:
            loss: both players' losses.
            has_wave: whether the generator's learning rate is a schedule with a wave, which can be shifted.

        Raises:
            ValueError: in one line, which the configuration's field is put before.
        """

    def control(self, loss: LossPart) -> Control:
        """A control at its beginning."""
        raise NotImplementedError
