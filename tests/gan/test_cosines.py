"""Which pairs of learning rates are two cosines of one modulation, and by how much they lie apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gan.config import GanConfig
from gan.cosines import Cosines, cosines

Preset = Callable[..., GanConfig]


def test_anti_phase_by_relation_and_by_offset_are_one_cycle(preset: Preset) -> None:
    found = []
    for relation in ("anti_phase}", "shifted, offset: 0.5}"):
        voice = f"voices.lr.generator={{follow: lr.discriminator, relation: {relation}"
        found.append(cosines(preset("ring-quadrature", voice, "clock={period: 20}"), 7))
    assert found[0] == found[1] == Cosines(20, pytest.approx(0.95, abs=1e-6), 0.5)


@pytest.mark.parametrize(
    ("generator", "discriminator", "expected"),
    [
        ("{wave: cosine, clock: {period: 50}, low: 0.1, high: 0.3}", "0.01", None),
        (
            "{wave: cosine, clock: {period: 50}, low: 0.1, high: 0.3, offset: 0.25}",
            "{wave: cosine, clock: {period: 50}, low: 1, high: 3}",
            Cosines(50, pytest.approx(0.5), 0.25),
        ),
        ("0.01", "0.02", Cosines(100, 0.0, 0.0)),
        ("{wave: triangle, low: 0.1, high: 0.3}", "{wave: triangle, low: 0.1, high: 0.3}", None),
        (
            "{wave: cosine, clock: {period: 50}, low: 0.1, high: 0.3}",
            "{wave: cosine, clock: {period: 100}, low: 0.1, high: 0.3}",
            None,
        ),
        ("0", "0.02", None),
    ],
)
def test_which_rates_are_two_cosines(preset: Preset, generator: str, discriminator: str, expected: Any) -> None:
    rates = (f"voices.lr.generator={generator}", f"voices.lr.discriminator={discriminator}")
    assert cosines(preset("ring-quadrature", "clock={period: 100}", *rates), 120) == expected
