"""The phase difference of two losses: found where it was planted, not claimed where there is none, and held."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan.balance.closed_loop import ClosedLoop
from gan.balance.lock_in import LEAST, LockIn, wrapped
from gan.losses import NonSaturating

Losses = Callable[[int], tuple[float, float]]
periods = st.integers(LEAST, 300)
leads = st.floats(0, 1)
amplitudes = st.floats(1e-3, 10)
means = st.floats(-5, 5)


def wave(phase: float, lead: float) -> float:
    return math.cos(2 * math.pi * (phase + lead))


def found(period: int, losses: Losses, cycles: int = 1) -> Sequence[float | None]:
    """What the first step after each cycle answers; the steps between answer nothing."""
    lock_in = LockIn()
    answers = [lock_in.observe(step % period / period, *losses(step)) for step in range(cycles * period + 1)]
    assert all(answer is None for step, answer in enumerate(answers) if step % period)
    return answers[period::period]


@settings(max_examples=100, deadline=None)
@given(period=periods, one=leads, other=leads, sizes=st.tuples(amplitudes, amplitudes), middle=st.tuples(means, means))
def test_planted_sinusoids_are_recovered(
    period: int, one: float, other: float, sizes: tuple[float, float], middle: tuple[float, float]
) -> None:
    """Whatever their means and amplitudes, to rounding."""

    def losses(step: int) -> tuple[float, float]:
        return (
            middle[0] + sizes[0] * wave(step / period, one),
            middle[1] + sizes[1] * wave(step / period, other),
        )

    for difference in found(period, losses, cycles=2):
        assert difference is not None
        assert -0.5 <= difference < 0.5
        assert abs(wrapped(difference - (one - other))) < 1e-6


@settings(max_examples=50, deadline=None)
@given(period=st.integers(40, 300), lead=leads, harmonic=st.integers(2, 5), seed=st.integers(0, 1000))
def test_harmonics_do_not_disturb_and_noise_does_little(period: int, lead: float, harmonic: int, seed: int) -> None:
    noise = 0.1 * np.random.default_rng(seed).standard_normal((period + 1, 2))

    def losses(step: int) -> tuple[float, float]:
        phase = step / period
        ripple = 0.5 * math.cos(2 * math.pi * harmonic * phase)
        return wave(phase, lead) + ripple + noise[step, 0], wave(phase, 0.0) + ripple + noise[step, 1]

    (difference,) = found(period, losses)
    assert difference is not None
    # A phase's standard deviation in radians is σ·√(2/n) for an amplitude of 1; two of them, and five deviations.
    assert abs(wrapped(difference - lead)) < 5 * 0.1 * math.sqrt(4 / period) / (2 * math.pi)


@settings(max_examples=50, deadline=None)
@given(period=periods, mean=means, size=amplitudes, lead=leads, quiet=st.sampled_from(["constant", "second", "weak"]))
def test_a_loss_that_does_not_oscillate_has_no_phase(
    period: int, mean: float, size: float, lead: float, quiet: str
) -> None:
    """One of them is enough: it is constant, or oscillates twice a cycle, or by much less than it moves otherwise."""

    def still(step: int) -> float:
        phase = step / period
        twice = 0.0 if quiet == "constant" else size * math.cos(4 * math.pi * phase)
        return mean + twice + (0.3 * size * wave(phase, lead) if quiet == "weak" else 0.0)

    assert found(period, lambda step: (wave(step / period, lead), still(step))) == [None]
    assert found(period, lambda step: (still(step), wave(step / period, lead))) == [None]


@pytest.mark.parametrize("period", [LEAST, 20, 200])
def test_white_noise_is_seldom_taken_for_an_oscillation(period: int) -> None:
    """In one loss at most once in a thousand cycles, in both at once not in these."""
    noise = np.random.default_rng(0).standard_normal((1000 * period + 1, 2))
    oscillating = np.array([wave(step / period, 0.0) for step in range(period)])
    one = found(period, lambda step: (noise[step, 0], oscillating[step % period]), cycles=1000)
    both = found(period, lambda step: (noise[step, 0], noise[step, 1]), cycles=1000)
    assert sum(answer is not None for answer in one) <= 5
    assert both == [None] * 1000


@pytest.mark.parametrize("period", [1, 2, LEAST - 1])
def test_a_cycle_of_few_steps_has_no_phase(period: int) -> None:
    assert not any(found(period, lambda step: (wave(step / period, 0.1), wave(step / period, 0.0)), cycles=20))


def play(config: ClosedLoop, cycles: int, generator: Callable[[float, Any], float], period: int = 20) -> Any:
    """A control beside a discriminator whose loss is a cosine of the clock."""
    control = config.control(NonSaturating())
    for step in range(cycles * period + 1):
        phase = step % period / period
        losses = {"loss/generator": generator(phase, control), "loss/discriminator": wave(phase, 0.0)}
        control.observe({**losses, "clock/phase": phase})
    return control


@settings(max_examples=30, deadline=None)
@given(start=st.floats(-0.5, 0.49), target=st.floats(-0.5, 0.49))
def test_the_loop_brings_the_phase_to_its_target(start: float, target: float) -> None:
    """Of a generator whose loss moves as its learning rate's wave does."""
    config = ClosedLoop(follows="phase", moves="offset", phase=target, gain=0.5, limit=1.0)
    control = play(config, 30, lambda phase, control: wave(phase, start + control.shift))
    assert abs(wrapped(start + control.shift - target)) < 0.01
    assert abs(control.shift) <= 0.76, "the shorter way around, and once a little over it"
    assert (control.generator, control.discriminator) == (1.0, 1.0)


def test_without_an_oscillation_the_loop_holds_still() -> None:
    config = ClosedLoop(follows="phase", moves="offset", gain=0.5)
    assert play(config, 5, lambda phase, control: 0.7).shift == 0.0
    noise = np.random.default_rng(1)
    assert play(config, 50, lambda phase, control: noise.standard_normal()).shift == 0.0


@pytest.mark.parametrize(("lead", "slowed"), [(0.0, "discriminator"), (0.45, "generator")])
def test_the_players_whose_loss_is_to_come_later_is_slowed_and_nobody_hurried(lead: float, slowed: str) -> None:
    config = ClosedLoop(follows="phase", phase=0.25, gain=1.0, limit=2.0)
    control = play(config, 100, lambda phase, control: wave(phase, lead))
    other = "generator" if slowed == "discriminator" else "discriminator"
    assert getattr(control, slowed) == pytest.approx(math.exp(-2.0))
    assert getattr(control, other) == 1.0
    assert control.shift == 0.0


def test_a_nan_leaves_it_alone() -> None:
    control = play(ClosedLoop(follows="phase"), 1, lambda phase, control: wave(phase, 0.1))
    before = control.state_dict()
    control.observe({"loss/generator": math.nan, "loss/discriminator": 0.0, "clock/phase": 0.5})
    assert control.state_dict() == before


def test_a_trainers_losses_reach_it_at_their_phase(make: Callable[..., Any]) -> None:
    """Planted in what the steps measure: the generator's loss a tenth of a cycle ahead of the discriminator's."""
    waves = ("voices.lr.generator={wave: cosine, low: 0.0, high: 1.0e-3}", "clock.period=16", "batch_size=16")
    trainer = make("ring", *waves, "balance={balance: closed_loop, follows: phase, moves: offset, gain: 1.0}")
    for step in range(17):
        weights, phase = trainer.begin_step(), step % 16 / 16
        statistics = trainer.game.step(weights)
        statistics[:2] = statistics.new_tensor([wave(phase, 0.1), wave(phase, 0.0)])
        trainer.end_step(statistics, weights)
    trainer.begin_step()
    assert trainer.metrics()["rate/shift"] == pytest.approx(0.15, abs=1e-6)
