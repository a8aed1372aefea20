"""Numbers, intervals and names as a person reads them, in every figure, caption and table."""

from __future__ import annotations

import math
from collections.abc import Sequence

ABSENT = "–"
"""What stands for a number that does not exist."""


def fmt(value: float | None) -> str:
    """Three significant digits, whole numbers whole, powers of ten only where they help; a dash for what is not there.

    >>> [fmt(value) for value in (8.0, 0.12345, 12345.6, 2.5e-7, None)]
    ['8', '0.123', '12346', '2.5e-07', '–']
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    if value == round(value) and abs(value) < 1e6:
        return f"{value:.0f}"
    digits = f"{value:.3g}"
    return f"{value:.0f}" if "e" in digits and 1e-3 <= abs(value) < 1e6 else digits


def span(interval: Sequence[float | None] | None) -> str:
    """The two ends in brackets, to stand behind a number; nothing where there is no interval."""
    # Spaces that do not break: an interval that falls apart in a narrow table cannot be read.
    return f"\u00a0[{fmt(interval[0])},\u00a0{fmt(interval[1])}]" if interval and None not in interval else ""


def cycle(phase: float, digits: int = 2) -> str:
    """A phase in cycles, taken to [0, 1) once it is rounded: the end of a cycle is the beginning of the next.

    >>> cycle(0.254), cycle(-0.05), cycle(0.998)
    ('0.25', '0.95', '0.00')
    """
    return f"{round(phase % 1, digits) % 1:.{digits}f}"


def percent(share: float, sign: str = "") -> str:
    """A share as whole per cent; ``sign`` "+" shows it of gains too.

    >>> percent(0.126), percent(0.126, "+")
    ('13\xa0%', '+13\xa0%')
    """
    return f"{100 * share:{sign},.0f}\u00a0%".replace("-", "−")


def capital(text: str) -> str:
    """With a capital at its beginning, and the rest as it was."""
    return text[:1].upper() + text[1:]


def short(text: str, most: int) -> str:
    """At most so many characters, the last of them dots where some are left out."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def beside(p: float, alpha: float) -> str:
    """A p-value in two digits, or as many as show on which side of alpha it is.

    >>> beside(0.0498, 0.05), beside(0.0314, 0.05)
    ('0.0498', '0.031')
    """
    return next(text for digits in range(2, 18) if ((float(text := f"{p:.{digits}g}") < alpha) == (p < alpha)))


def level(alpha: float) -> str:
    """The confidence of intervals beside tests at a level, with the decimals that it has: ``95%``, ``99.5%``."""
    return f"{100 * (1 - alpha):.10g}%"
