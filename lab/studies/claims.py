"""What the laboratory claims about phase: each claim names the studies that ask it, and nothing of what they found.

The claims are data (``claims.yaml`` beside this module). What became of them is computed from ``results/``
(:mod:`lab.studies.finding`), so that a study that is run anew changes the table and nothing else has to.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator, model_validator

from lab.door.yamls import load_yaml
from lab.errors import UserError
from lab.studies.model import NAME
from lab.training.config import Config, resolve

SHIPPED_CLAIMS = Path(__file__).with_name("claims.yaml")


class SmallVersion(Config):
    """How a claim is asked again in minutes: other seeds than the study's, and fewer, perhaps with fewer steps."""

    seeds: int = Field(ge=2, le=100, description="how many seeds, 1000 and up, which no study has")
    set: list[str] = Field(default_factory=list, description="KEY=VALUE as of `lab study --set`")
    first: list[str] = Field(default_factory=list, description="studies whose runs the trials begin with")


class Claim(Config):
    """One claim and the studies that ask it."""

    name: str = Field(pattern=rf"^{NAME.pattern}$", description="what `lab claims --verify` calls it")
    statement: str = Field(min_length=1, description="what is claimed, in one sentence")
    study: str = Field(pattern=rf"^{NAME.pattern}$", description="the study whose verdict is the claim's")
    compare: list[str] | None = Field(None, description="its comparison that is the claim; its first if left out")
    response: str | None = Field(None, description="the phase-response study of its best phase")
    expects: float | None = Field(None, ge=0, lt=1, description="the best phase that the claim has in mind, in cycles")
    verify: SmallVersion

    @field_validator("compare")
    @classmethod
    def _a_pair(cls, value: list[str] | None) -> list[str] | None:
        if value is not None and len(value) != 2:
            raise ValueError(f"{value} must be [treatment, control]")
        return value


class Claims(Config):
    """The file of all claims."""

    claims: list[Claim] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _distinct(self) -> Claims:
        names = [claim.name for claim in self.claims]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"claims: {twice!r} stands twice")
        return self


def load_claims(path: Path = SHIPPED_CLAIMS) -> list[Claim]:
    """The claims of a file, in its order.

    Raises:
        UserError: names the field, the value and what is accepted.
    """
    return resolve(Claims, load_yaml(path), source=str(path)).claims


def find_claim(claims: list[Claim], name: str) -> Claim:
    """The claim of that name.

    Raises:
        UserError: there is none; those that there are are listed.
    """
    for claim in claims:
        if claim.name == name:
            return claim
    raise UserError(f"{name}: no such claim; there are {', '.join(claim.name for claim in claims)}")
