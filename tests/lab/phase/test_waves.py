"""The waves: their formulas, their range, their crests and troughs, and users' own."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.phase import Clock, PhaseError, Schedule, waves

phases = st.floats(0, 1)


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("cosine", {0.0: 1.0, 0.25: 0.5, 0.5: 0.0, 0.75: 0.5, 1.0: 1.0}),
        ("triangle", {0.0: 1.0, 0.25: 0.5, 0.5: 0.0, 0.75: 0.5, 1.0: 1.0}),
        ("anneal", {0.0: 1.0, 0.5: 0.5, 1.0: 0.0}),
        ("sawtooth", {0.0: 1.0, 0.25: 0.75, 1.0: 0.0}),
        ("cubic", {0.0: 1.0, 0.5: 0.125, 1.0: 0.0}),
        ("square", {0.0: 1.0, 0.499: 1.0, 0.5: 0.0, 0.999: 0.0}),
        ("pulse", {0.0: 1.0, 0.0624: 1.0, 0.0625: 0.0, 0.5: 0.0, 0.9374: 0.0, 0.9375: 1.0, 1.0: 1.0}),
        ("constant", {0.0: 1.0, 0.5: 1.0, 1.0: 1.0}),
        ("one_cycle", {0.0: 0.0, 0.15: 0.5, 0.3: 1.0, 0.65: 0.5, 1.0: 0.0}),
        ("warmup_stable_decay", {0.0: 0.0, 0.025: 0.5, 0.05: 1.0, 0.5: 1.0, 0.8: 1.0, 0.9: 0.5, 1.0: 0.0}),
    ],
)
def test_values_of_the_formula(name: str, at: dict[float, float]) -> None:
    for phase, level in at.items():
        assert waves.WAVES[name].function(phase) == pytest.approx(level, abs=1e-15)


@given(st.sampled_from(sorted(waves.WAVES)), phases)
def test_levels_stay_in_their_range(name: str, phase: float) -> None:
    assert 0.0 <= waves.WAVES[name].function(phase) <= 1.0


@pytest.mark.parametrize("wave", waves.WAVES.values(), ids=lambda wave: wave.name)
def test_crest_and_trough_are_where_the_level_is_exactly_one_and_zero(wave: waves.Wave) -> None:
    assert wave.function(wave.crest) == 1.0
    assert wave.trough is None or wave.function(wave.trough) == 0.0


@given(st.sampled_from(["cosine", "triangle", "square"]), st.integers(0, 999))
def test_symmetric_waves_are_inverted_by_half_a_cycle(name: str, thousandth: int) -> None:
    wave = waves.WAVES[name].function
    assert wave((thousandth + 500) % 1000 / 1000) == pytest.approx(1 - wave(thousandth / 1000), abs=1e-12)


@given(st.integers(1, 40), st.integers(0, 7))
def test_pulses_in_eighths_fill_the_cycle_and_are_equally_long(eighth: int, ahead: int) -> None:
    pulses = [Schedule(Clock(period=8 * eighth), "pulse", 0.0, 1.0, offset=k / 8).table(16 * eighth) for k in range(8)]
    assert sum(pulses).tolist() == [1.0] * (16 * eighth)
    assert pulses[ahead].sum() == 2 * eighth


def test_a_pulse_is_around_the_crest_of_a_cosine() -> None:
    clock = Clock(period=800)
    lr, gate = Schedule(clock, "cosine", 0.0, 1.0), Schedule(clock, "pulse", 0.0, 1.0)
    assert lr.table(800)[gate.table(800) == 1].min() >= lr.table(800)[gate.table(800) == 0].max() - 1e-12
    anti = gate.anti_phase().table(800)
    assert (anti == 1 - gate.table(800)).all()
    assert (gate.shifted(0.5).table(800) != anti).any()  # an eighth, not seven


def test_a_users_own_function_is_a_wave() -> None:
    own = Schedule(Clock(period=4), wave=lambda phase: phase**2, low=0.0, high=16.0)
    assert own.table(5).tolist() == [0.0, 1.0, 4.0, 9.0, 0.0]


def test_the_crest_and_trough_of_a_users_own_function_are_found() -> None:
    own = Schedule(Clock(period=100), wave=lambda phase: 1 - abs(phase - 0.25) / 0.75, low=0.0, high=1.0)
    assert list(own.due("crest", 0, 250)) == [25, 125, 225]
    assert list(own.due("trough", 0, 250)) == [99, 199]


def test_a_users_wave_that_rises_from_its_trough_and_falls_back_ends_there() -> None:
    """At its beginning a trough snapshot would keep untrained weights, and the last cycle's never."""
    own = waves.find(lambda phase: waves.one_cycle(phase))
    assert (own.trough, waves.find("one_cycle").trough) == (1.0, 1.0)


def test_a_function_of_this_module_is_the_wave_of_its_name() -> None:
    assert Schedule(Clock(10), wave=waves.anneal) == Schedule(Clock(10), wave="anneal")


@pytest.mark.parametrize("level", [1.5, -0.1, math.nan, math.inf])
def test_a_users_function_must_give_levels(level: float) -> None:
    with pytest.raises(PhaseError, match=r"wave: .* at phase 0\.5; expected levels from 0 to 1"):
        Schedule(Clock(10), wave=lambda phase: level if phase == 0.5 else 0.5)


def test_an_unknown_wave_is_refused_with_the_closest_name() -> None:
    with pytest.raises(PhaseError, match=r"wave: unknown 'cosin' \(did you mean 'cosine'\?\); accepted: cosine, tri"):
        Schedule(Clock(10), wave="cosin")
    with pytest.raises(PhaseError, match="wave: 3 is not accepted"):
        Schedule(Clock(10), wave=3)  # type: ignore[arg-type]
