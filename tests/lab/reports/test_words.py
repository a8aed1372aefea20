"""Numbers as a reader meets them, in figures and in the report."""

import doctest
import math

import pytest

from lab.reports import words


def test_the_examples_are_true() -> None:
    assert doctest.testmod(words).failed == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (8.0, "8"),
        (0.12345, "0.123"),
        (5e-4, "0.0005"),
        (2.5e-7, "2.5e-07"),
        (-1230.4, "-1230"),
        (999.7, "1000"),
        (2.5e6, "2.5e+06"),
        (math.nan, "–"),
        (None, "–"),
    ],
)
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert words.fmt(value) == text


def test_an_interval_that_has_no_end_is_not_shown() -> None:
    assert words.span((0.25, 1)) == "\u00a0[0.25,\u00a01]"
    assert words.span((0.25, None)) == words.span(None) == ""
