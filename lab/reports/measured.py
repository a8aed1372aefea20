"""What `lab stability RUN --keep` left beside a run: read again with limits, and said in sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from lab.door import jsons
from lab.reports.words import fmt

FILE = "stability.json"
"""Its name in the run's directory."""
MOST_BYTES = 1 << 20
MOST_VALUES = 1000

Pairs = Annotated[list[tuple[float, float]], Field(max_length=MOST_VALUES)]
"""Complex numbers, real and imaginary parts."""
Step = Annotated[StrictInt, Field(ge=0, le=jsons.LAST)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="allow", allow_inf_nan=False)


class SafePeriods(_Record):
    """The periods that are recommended, and why."""

    low: Step | None
    high: Step | None
    why: str = Field(max_length=2000)


class WholeCycle(_Record):
    """The multipliers of the run's own next cycle."""

    period: Annotated[Step, Field(ge=1)]
    multipliers: Pairs
    growth_per_step: float | None


class Measured(_Record):
    """What was found of a run at a checkpoint; a trainer leaves out what it does not measure.

    Attributes:
        step: of the checkpoint.
        moves: eigenvalues of the Jacobian of a step's way down: a deviation is multiplied by 1 − λ.
        rotation_period: steps of the fastest rotation.
        drift_per_step: by what the direction grows that does not turn; above 0 the game is unstable there.
        asked: whether the cycle was asked about, and is not the run's own.
        period, multipliers: of the cycle that was predicted, were the game to stay as it was.
        growth_per_step, verdict: predicted of it.
        safe_periods: of cycles like it.
        unsaid: why there is no prediction.
        measured: the whole next cycle, where that was asked for.
    """

    step: Step
    moves: Pairs = Field(default_factory=list)
    rotation_period: float | None = None
    drift_per_step: float | None = None
    asked: StrictBool = False
    period: Step | None = None
    multipliers: Pairs = Field(default_factory=list)
    growth_per_step: float | None = None
    verdict: Literal["stable", "neutral", "unstable"] | None = None
    safe_periods: SafePeriods | None = None
    unsaid: str | None = Field(None, max_length=2000)
    measured: WholeCycle | None = None


def read_measured(run: Path) -> Measured | None:
    """What is kept beside a run; None where nothing is.

    Raises:
        UserError: the file is not what it should be.
    """
    path = run / FILE
    return jsons.read(path, Measured, MOST_BYTES) if path.exists() else None


def measured_words(found: Measured, last_step: int, unit: str) -> list[str]:
    """It in sentences.

    Args:
        found: what was kept.
        last_step: where the run stands now.
        unit: what one step is.
    """
    turns = "does not turn"
    if found.rotation_period is not None:
        turns = f"turns once in {fmt(found.rotation_period)} {unit}s at the fastest"
    older = "" if found.step >= last_step else f" (the run has gone on to {last_step:,} since)"
    said = [f"Measured at step {found.step:,}{older}: at the run's mean rates the game {turns}."]
    if found.drift_per_step is not None and found.drift_per_step > 0:
        drift = fmt(100 * found.drift_per_step)
        said.append(f"At step {found.step:,} a direction that does not turn grows by {drift} % a step: it is unstable.")
    if found.verdict is not None and found.growth_per_step is not None:
        neutral = found.verdict == "neutral"
        change = "a small deviation stays as it is" if neutral else _change(found.growth_per_step)
        said.append(
            f"For what turns in it, {_cycle(found)} is predicted to be {found.verdict}: {change}, were the game to "
            "stay as it was there."
        )
    if (safe := found.safe_periods) is not None:
        periods = "none" if safe.low is None or safe.high is None else f"{safe.low:,} to {safe.high:,} steps"
        said.append(f"Safe periods: {periods}: {safe.why}")
    if found.unsaid:
        which = "its cycle" if found.verdict is None else "other periods"
        said.append(f"Nothing is predicted of {which}: {found.unsaid}.")
    if found.measured is not None and found.measured.growth_per_step is not None:
        change = _change(found.measured.growth_per_step)
        said.append(f"Measured through its next {found.measured.period:,} steps as they are: {change}.")
    return said


def _cycle(found: Measured) -> str:
    """The cycle that was predicted."""
    if not found.period:
        return "its cycle"
    asked = ", asked about and not the run's own," if found.asked else ""
    return f"a cycle of {found.period:,} steps{asked}"


def _change(growth: float) -> str:
    way = "grows" if growth > 0 else "shrinks"
    return f"a small deviation {way} by {fmt(abs(100 * growth))} % a step"
