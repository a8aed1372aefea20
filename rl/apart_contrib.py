"""sb3-contrib's actor-critic agents whose optimisers may have learning rates of their own."""

from __future__ import annotations

from sb3_contrib import TQC, CrossQ

from rl.apart import RatesApart


class ApartTQC(RatesApart, TQC):  # type: ignore[misc]  # where the extra is not installed
    """``sb3_contrib.TQC`` with rates apart."""


class ApartCrossQ(RatesApart, CrossQ):  # type: ignore[misc]
    """``sb3_contrib.CrossQ`` with rates apart."""
