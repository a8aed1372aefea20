"""How a configuration names the run whose weights its own begins with: ``RUN``, ``RUN@STEP``, or a mapping."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from lab.door.jsons import LAST
from lab.training.record import Config

SEED = "{seed}"
"""What stands for the run's own seed in the name of the run it begins with."""


class InitFrom(Config):
    """Whose weights a run begins with; ``init_from: RUN@STEP`` is short for ``{run: RUN, step: STEP}``."""

    run: str = Field(
        min_length=1,
        description="a run directory, or the name of one beside this run or its study; {seed} is this run's seed",
    )
    step: int | None = Field(None, ge=0, le=LAST, description="which of its checkpoints; null: the newest whole one")
    fresh: tuple[str, ...] = Field(
        (),
        max_length=64,
        strict=False,
        description="patterns of weights that stay as the seed draws them: readout.*",
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return parsed(value) if isinstance(value, str) else value

    def name(self, seed: int) -> str:
        """The run's path or name, for a run of this seed."""
        return self.run.replace(SEED, str(seed))


def parsed(text: str) -> dict[str, Any]:
    """``RUN@STEP`` as a mapping; what follows the last ``@`` is a step where it is a whole number.

    >>> parsed("mnist-s0@2000"), parsed("mnist-s0")
    ({'run': 'mnist-s0', 'step': 2000}, {'run': 'mnist-s0'})
    """
    run, at, step = text.rpartition("@")
    return {"run": run, "step": int(step)} if at and step.isdecimal() else {"run": text}
