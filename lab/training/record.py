"""The frozen, strict record that every configuration is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """A frozen record that refuses unknown keys, NaN and booleans where numbers belong.

    From YAML (:func:`lab.training.config.resolve`) a list serves where a tuple is declared, a string where a path is,
    and a whole number where a float is; ``1000.0`` is not a whole number.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
