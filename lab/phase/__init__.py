"""The phase engine: what every hyperparameter is at every step, and how it gets there. Knows nothing of training.

    cycles      sequences of cycles of whole steps: all alike, each stretched, or a total split
    clock       step -> cycle, phase and period, along one such sequence or several
    waves       phase -> level in [0, 1]
    voice       what every voice can do: its value at a step, its mean and rms, its events; and the constant voice
    schedule    the voice of a clock, a wave and a range, and the relations of one schedule to another
    cooled      a schedule that ends in a linear decay to 0
    follower    the voice that follows something measured in the run, which no clock tells beforehand
    parsing     the clock and voices of a file -> these objects
    conductor   at each step sets every target to its voice's value, and fires events at crests and troughs
    targets     where a value goes: parameter groups, modules, attributes, functions, buffers
    pytorch     a schedule as a scheduler of torch, for training loops without a conductor
    drawing     a file's voices as characters on a terminal

Each uses only what stands above it, and ``errors``, which refuses bad input in one line. ``targets`` and ``pytorch``
need torch and are imported only when they are used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lab.phase import waves
from lab.phase.clock import Clock, Position
from lab.phase.conductor import Conductor, Target
from lab.phase.cooled import Cooled
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
    "Cooled",
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
