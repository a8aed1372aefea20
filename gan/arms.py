"""The arms that any GAN preset can be trained as: the same run, with other learning rates of the same means."""

from __future__ import annotations

from typing import Any

from gan.config import PLAYERS, GanConfig
from lab.errors import UserError
from lab.phase import Follower

FASTER = 4.0
"""The discriminator's rate over the generator's, of two time scales."""
OFFSETS = {"in-phase": 0.0, "quadrature": 0.25, "anti-phase": 0.5}
"""How far the generator's cycle runs ahead of the discriminator's."""
WAVE = {"wave": "cosine", "low": 0.05, "high": 1.95}
"""A modulation of .95."""


def arrange(config: GanConfig, arm: str) -> dict[str, Any]:
    """What an arm changes, as ``--set`` would: only voices, and for ``closed-loop`` the balance.

    ``constant``: both rates at their means; ``two-time-scales``: the discriminator's four times the generator's;
    ``in-phase``, ``quadrature`` and ``anti-phase``: cosine cycles of the master clock of the same means;
    ``closed-loop``: constant rates, of which a controller slows the winner's.

    Raises:
        UserError: a learning rate follows something measured, and has no mean.
    """
    mean = {player: _mean(config, f"lr.{player}") for player in PLAYERS}
    changes: dict[str, Any] = {f"voices.lr.{player}": value for player, value in mean.items()}
    if arm == "two-time-scales":
        changes["voices.lr.discriminator"] = FASTER * mean["generator"]
    if arm in OFFSETS:
        changes = {f"voices.lr.{player}": {**WAVE, "mean": value} for player, value in mean.items()}
        changes["voices.lr.generator"]["offset"] = OFFSETS[arm]
    return changes | {"balance": {"balance": "closed_loop"} if arm == "closed-loop" else None}


def _mean(config: GanConfig, name: str) -> float:
    voice = config.parsed_voices()[name]
    if isinstance(voice, Follower):
        raise UserError(f"--arm: voices.{name} follows the {voice.source} and has no mean; a number or a wave has one")
    return float(voice.mean())
