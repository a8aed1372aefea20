"""Which pairs of learning rates are two cosines of one modulation, and by how much they lie apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gan.config import PLAYERS, GanConfig
from gan.cosines import Cosines, cosines, cycle_at, rates_over
from gan.foretelling import method_of
from gan.trainer import GanTrainer

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


WAVE = "{{wave: cosine, clock: {0}, low: 0.1, high: 0.3}}"


@pytest.mark.parametrize(
    ("clocks", "step", "expected"),
    [
        (("{period: 100, stretch: 2}", "{period: 100, stretch: 2}"), 150, range(100, 300)),
        (("{period: 100, cycles: 4}", "{period: 100, cycles: 4}"), 400, range(300, 400)),
        (("{period: 100, cycles: 4}", "{period: 100, cycles: 4}"), 9999, range(300, 400)),
        (("{period: 30}", "{period: 50}"), 200, range(150, 300)),
        (("{period: 30}", "{period: 50, cycles: 9}"), 200, None),
        (("{period: 99991}", "{period: 99989}"), 200, None),
    ],
)
def test_the_cycle_that_two_clocks_share(preset: Preset, clocks: Any, step: int, expected: range | None) -> None:
    rates = [f"voices.lr.{name}={WAVE.format(clock)}" for name, clock in zip(PLAYERS, clocks, strict=True)]
    assert cycle_at(preset("ring-quadrature", "clock={period: 70}", *rates), step) == expected


def test_the_waves_of_a_clock_that_rests_are_those_of_its_last_cycle(preset: Preset) -> None:
    wave = "{wave: cosine, low: 0.1, high: 0.3}"
    rates = [f"voices.lr.{name}={wave}" for name in PLAYERS]
    config = preset("ring-quadrature", "clock={period: 100, cycles: 4}", *rates)
    assert cosines(config, 400) == cosines(config, 350) == Cosines(100, pytest.approx(0.5), 0.0)
    steps = cycle_at(config, 400)
    assert steps is not None
    assert rates_over(config, steps)["generator"].mean() == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("period", "expected"),
    [(1, Cosines(1, 0.0, 0.0)), (2, None), (3, Cosines(3, pytest.approx(0.5), 0.0))],
)
def test_the_shortest_cycles(preset: Preset, period: int, expected: Cosines | None) -> None:
    wave = f"{{wave: cosine, clock: {{period: {period}}}, low: 0.1, high: 0.3}}"
    assert cosines(preset("ring-quadrature", *(f"voices.lr.{name}={wave}" for name in PLAYERS)), 5) == expected


def test_the_model_alternates_as_the_trainer_does(make: Callable[..., GanTrainer]) -> None:
    trainer = make("ring")
    assert trainer.game.plan[0] == (method_of(trainer.config).first,)
