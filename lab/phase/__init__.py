"""The phase engine: clocks, waves, schedules, relations, and a conductor. Knows nothing of training.

``targets`` and ``lab.phase.pytorch`` need torch and are imported only when they are used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lab.phase import waves
from lab.phase.clock import Clock, Position
from lab.phase.conductor import Conductor, Target
from lab.phase.errors import PhaseError
from lab.phase.follower import Follower
from lab.phase.schedule import ConstantProduct, Schedule
from lab.phase.voice import Constant, Voice

if TYPE_CHECKING:
    from lab.phase import pytorch, targets

__all__ = [
    "Clock",
    "Conductor",
    "Constant",
    "ConstantProduct",
    "Follower",
    "PhaseError",
    "Position",
    "Schedule",
    "Target",
    "Voice",
    "pytorch",
    "targets",
    "waves",
]


def __getattr__(name: str) -> Any:
    if name in ("pytorch", "targets"):
        return import_module(f"lab.phase.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
