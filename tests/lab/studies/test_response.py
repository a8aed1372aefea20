"""The phase-response curve: exact on exact data, at its level without an effect, and right about the phase with one."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.errors import UserError
from lab.studies.response import fitted, harmonics, respond

N = 8
STUDIES = 200


def curve(phase: float, amplitude: float, n: int = N) -> np.ndarray:
    return amplitude * np.cos(2 * math.pi * (np.arange(n) / n - phase))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(
    phase=st.floats(0, 0.999), amplitude=st.floats(0.1, 10), level=st.floats(-5, 5), n=st.integers(3, 12),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_a_harmonic_without_noise_is_found_exactly(phase: float, amplitude: float, level: float, n: int) -> None:
    scores = np.array([[1.0], [-2.0], [0.3]]) + level + curve(phase, amplitude, n)
    found = respond(scores, permutations=19, rng=rng())
    assert found.amplitude == pytest.approx(amplitude, rel=1e-9)
    assert math.cos(2 * math.pi * (found.phase - phase)) == pytest.approx(1, abs=1e-9)
    assert fitted(found, found.offsets) == pytest.approx(found.means, rel=1e-7, abs=1e-7)
    trough = respond(scores, higher=False, permutations=19, rng=rng())
    assert (trough.phase - found.phase) % 1 == pytest.approx(0.5)
    assert fitted(trough, found.offsets, higher=False) == pytest.approx(found.means, rel=1e-7, abs=1e-7)


@given(turn=st.integers(1, N - 1), seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_turning_the_offsets_turns_the_phase_and_a_seeds_level_does_not_matter(turn: int, seed: int) -> None:
    scores = rng(seed).normal(size=(6, N)) + curve(0.3, 1.0)
    first = respond(scores, permutations=99, rng=rng())
    turned = respond(np.roll(scores, turn, axis=1), permutations=99, rng=rng())
    assert (turned.phase - first.phase - turn / N + 0.5) % 1 - 0.5 == pytest.approx(0, abs=1e-9)
    assert turned.amplitude == pytest.approx(first.amplitude)
    lifted = respond(scores + rng(seed + 1).normal(size=(6, 1)) * 50, permutations=99, rng=rng())
    assert (lifted.phase, lifted.amplitude, lifted.p) == pytest.approx((first.phase, first.amplitude, first.p))
    assert lifted.phase_interval == pytest.approx(first.phase_interval)


def test_the_least_squares_fit_is_the_textbooks() -> None:
    scores = rng().normal(size=(1, 7))
    angle = 2 * math.pi * np.arange(7) / 7
    design = np.stack([np.ones(7), np.cos(angle), np.sin(angle)], axis=1)
    assert harmonics(scores)[0] == pytest.approx(np.linalg.lstsq(design, scores[0], rcond=None)[0][1:])


@pytest.mark.parametrize("noise", ["normal", "collapse"])
def test_without_an_effect_at_most_six_percent_are_significant(noise: str) -> None:
    draw = rng(7)
    significant = 0
    for _ in range(STUDIES):
        levels = draw.normal(size=(10, 1))
        own = draw.normal(size=(10, N)) if noise == "normal" else -(draw.random((10, N)) < 0.2).astype(float)
        significant += respond(levels + own, permutations=499, rng=draw).p < 0.05
    assert significant / STUDIES <= 0.06


@pytest.mark.parametrize(("amplitude", "seed"), [(1.0, 1), (0.6, 2)])
def test_a_planted_phase_lies_within_its_interval(amplitude: float, seed: int) -> None:
    draw = rng(seed)
    covered = significant = 0
    for _ in range(STUDIES):
        phase = draw.random()
        scores = draw.normal(size=(10, 1)) * 3 + draw.normal(size=(10, N)) + curve(phase, amplitude)
        found = respond(scores, permutations=199, rng=draw)
        significant += found.p < 0.05
        if found.phase_interval is None:
            covered += 1
            continue
        low, high = found.phase_interval
        assert low <= found.phase <= high
        covered += (phase - low) % 1 <= high - low
    assert 0.93 <= covered / STUDIES <= 0.97
    assert significant / STUDIES > 0.8


def test_how_many_seeds_would_be_needed_is_about_right() -> None:
    draw = rng(3)
    effect = curve(0.25, 0.35)
    needed = respond(draw.normal(size=(4000, N)) + effect, permutations=9, rng=draw).seeds_needed
    assert needed is not None
    hits = sum(respond(draw.normal(size=(needed, N)) + effect, permutations=199, rng=draw).p < 0.05 for _ in range(150))
    assert 0.7 <= hits / 150 <= 0.92
    few = respond(draw.normal(size=(needed, N)), permutations=9, rng=draw)
    assert 0.2 < few.detectable < 0.6


def test_one_seed_has_an_amplitude_and_a_phase_but_no_interval() -> None:
    found = respond([[0.0, 1.0, 0.0, -1.0]], permutations=9, rng=rng())
    assert (found.amplitude, found.phase) == (pytest.approx(1.0), pytest.approx(0.25))
    assert found.phase_interval is None
    assert found.seeds_needed is None
    assert math.isnan(found.detectable)


def test_a_flat_curve_has_every_phase() -> None:
    found = respond(np.ones((5, N)), permutations=99, rng=rng())
    assert (found.amplitude, found.p) == (pytest.approx(0.0, abs=1e-12), 1.0)
    assert found.phase_interval is None


@pytest.mark.parametrize("scores", [[[1.0, 2.0]], np.zeros((0, 8)), [1.0, 2.0, 3.0], [[1.0, 2.0, math.nan]]])
def test_what_is_no_table_of_scores_is_refused(scores: object) -> None:
    with pytest.raises(UserError, match="scores"):
        respond(scores, rng=rng())  # type: ignore[arg-type]
