"""Controls of the balance between the players, which watch the game; one module a kind."""

from gan.balance.closed_loop import ClosedLoop
from gan.balance.gap_aware import GapAware
from gan.balance.part import BalancePart, Control
from lab.training.parts import Parts

__all__ = ["BALANCES", "BalancePart", "Control"]

BALANCES = Parts("balance", "balance", BalancePart, (GapAware, ClosedLoop))
"""Every control by its word in a configuration."""
