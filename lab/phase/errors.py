"""How the engine refuses bad input: one line that names the field, the value and what is accepted."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any

from lab.errors import UserError

LAST = 2**62
"""The last step there is, and the longest that cycles may be together: arrays of steps are int64."""


class PhaseError(UserError):
    """A clock, schedule, voice or target that cannot be what was asked for."""


def refuse(field: str, value: object, accepted: str) -> PhaseError:
    """The error for ``value`` in ``field``; ``accepted`` says in words what would have been taken."""
    return PhaseError(f"{field}: {value!r} is not accepted; expected {accepted}")


def unknown(field: str, value: object, names: Iterable[str]) -> PhaseError:
    """The error for a name that is not among ``names``, with the closest one suggested."""
    names = list(names)
    close = difflib.get_close_matches(str(value), names, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return PhaseError(f"{field}: unknown {value!r}{hint}; accepted: {', '.join(names) or 'nothing'}")


def within(field: str, name: str) -> str:
    """The dotted field ``field.name``; ``name`` alone at the top."""
    return f"{field}.{name}" if field else name


def number(field: str, value: object) -> float:
    """``value`` as a finite float; booleans, strings, NaN and infinity are refused."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise refuse(field, value, "a finite number")
    try:
        found = float(value)
    except OverflowError:
        raise PhaseError(f"{field}: an integer of that size is not accepted; expected a finite number") from None
    if not math.isfinite(found):
        raise refuse(field, value, "a finite number")
    return found


def positive(field: str, value: object) -> float:
    """``value`` as a finite float above 0."""
    found = number(field, value)
    if found <= 0:
        raise refuse(field, value, "a number above 0")
    return found


def whole(field: str, value: object, least: int, most: int = LAST) -> int:
    """``value`` as an integer from ``least`` to ``most``; booleans and floats are refused."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise refuse(field, value, f"an integer of at least {least}")
    found = int(value)
    if found > most:
        raise PhaseError(f"{field}: an integer of that size is not accepted; expected at most {most:,}")
    return found


def keys(field: str, mapping: object, accepted: Iterable[str]) -> Mapping[str, Any]:
    """``mapping`` if it is one and has no key outside ``accepted``."""
    accepted = list(accepted)
    if not isinstance(mapping, Mapping):
        raise refuse(field or "value", mapping, f"a mapping with keys {', '.join(accepted)}")
    for key in mapping:
        if key not in accepted:
            raise unknown(within(field, str(key)), key, accepted)
    return mapping
