"""What can be derived of workers and clients whose clocks are offset: it is a test before it is a study."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.phase import Clock, Conductor, Schedule, targets, waves

MEAN = 1e-2
periods = st.integers(3, 400)
modulations = st.floats(0, 1)
steps = st.integers(0, 10**6)


def cosine(period: int, modulation: float = 1.0, offset: float = 0.0, mean: float = MEAN) -> Schedule:
    """A cosine of that mean which swings by a share of it: mean·(1 + modulation·cos 2π(t/period + offset))."""
    return Schedule(Clock(period), "cosine", mean * (1 - modulation), mean * (1 + modulation), offset)


def offset_workers(k: int, schedule: Schedule) -> list[Schedule]:
    return [schedule.shifted(worker / k) for worker in range(k)]


@given(st.integers(2, 32), periods, modulations, st.floats(-1, 1), steps)
def test_the_mean_rate_of_offset_cosine_workers_is_constant_at_every_step(
    k: int, period: int, modulation: float, offset: float, step: int
) -> None:
    rates = [worker(step) for worker in offset_workers(k, cosine(period, modulation, offset))]
    assert np.mean(rates) == pytest.approx(MEAN, rel=1e-12)


def test_that_of_workers_on_another_wave_is_not() -> None:
    """So it is of the cosine, and no property of offsets alone."""
    mean = np.mean([worker.table(100) for worker in offset_workers(4, Schedule(Clock(100), "anneal", 0, 1))], axis=0)
    assert np.ptp(mean) > 0.05


@given(st.integers(3, 32), periods, modulations, steps)
def test_the_mean_square_of_offset_cosine_workers_is_constant_from_three_on(
    k: int, period: int, modulation: float, step: int
) -> None:
    """The noise of their average is (1 + m²/2) times that of constant rates, at most 1.5 times, at every step."""
    rates = np.array([worker(step) for worker in offset_workers(k, cosine(period, modulation))])
    assert np.mean(rates**2) == pytest.approx((1 + modulation**2 / 2) * MEAN**2, rel=1e-9)


@pytest.mark.parametrize("workers", [2, 3, 4, 8])
def test_averaged_at_each_step_workers_of_one_batch_are_one_worker_at_a_constant_rate(workers: int) -> None:
    """H = 1: all gradients are taken at the same point, so that only the mean rate counts."""
    draw = torch.Generator().manual_seed(workers)
    x = torch.randn(32, 5, generator=draw, dtype=torch.float64)
    y = torch.randn(32, 1, generator=draw, dtype=torch.float64)
    net = torch.nn.Linear(5, 1, dtype=torch.float64)
    torch.nn.init.normal_(net.weight, generator=draw)
    offset, alone = net.weight.detach().clone(), net.weight.detach().clone()
    rates = offset_workers(workers, cosine(10, 0.95, mean=0.1))

    def step(weight: torch.Tensor, rate: float) -> torch.Tensor:
        with torch.no_grad():
            net.weight.copy_(weight)
        optimizer = torch.optim.SGD([net.weight], lr=rate)
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(net(x), y).backward()
        optimizer.step()
        return net.weight.detach().clone()

    apart = 0.0
    for t in range(25):
        each = torch.stack([step(offset, rate(t)) for rate in rates])
        apart = max(apart, float((each[0] - each[1]).abs().max()))
        offset, alone = each.mean(dim=0), step(alone, 0.1)
        torch.testing.assert_close(offset, alone, rtol=1e-12, atol=1e-12)
    assert apart > 1e-3  # while the workers themselves go different ways


def test_averaged_at_each_step_workers_of_their_own_batches_are_a_constant_rate_in_expectation() -> None:
    """Over every way in which two workers can draw one of three samples at each of three steps: 729 runs."""
    features = np.array([[1.0, 0.3], [-0.5, 2.0], [0.7, -1.0]])
    labels = np.array([1.0, -0.4, 0.2])
    rates = np.stack([worker.table(3) for worker in offset_workers(2, cosine(3, 0.9, mean=0.2))])

    def gradient(weight: np.ndarray, sample: int) -> np.ndarray:
        return (features[sample] @ weight - labels[sample]) * features[sample]

    ends = []
    for draws in itertools.product(range(3), repeat=6):
        weight = np.array([0.5, -1.5])
        for t in range(3):
            moved = [weight - rates[k, t] * gradient(weight, draws[2 * t + k]) for k in range(2)]
            weight = np.mean(moved, axis=0)
        ends.append(weight)
    constant = np.array([0.5, -1.5])
    for _ in range(3):
        constant = constant - 0.2 * np.mean([gradient(constant, sample) for sample in range(3)], axis=0)
    assert np.mean(ends, axis=0) == pytest.approx(constant, rel=1e-12)
    assert np.std(ends, axis=0).min() > 0.01  # of which no single run is an example


@pytest.mark.parametrize("decay", [0.01, 1.0])
def test_adamws_constant_decay_is_in_phase_with_the_rate_already(decay: float) -> None:
    """Without a gradient what is left of a weight is its decay alone: the share 1 − lr·λ at each step."""
    weight = torch.nn.Parameter(torch.tensor([1.0, -3.0], dtype=torch.float64))
    optimizer = torch.optim.AdamW([weight], weight_decay=decay)
    lr = cosine(20, 0.9, mean=0.1)
    conductor = Conductor({"lr": (lr, targets.param_group(optimizer, "lr"))})
    shares = []
    for step in range(40):
        before = weight.detach().clone()
        conductor.step(step)
        weight.grad = torch.zeros_like(weight)
        optimizer.step()
        shares.append(weight.detach() / before)
    taken = 1 - torch.stack(shares).numpy()
    assert taken == pytest.approx(np.repeat(decay * lr.table(40)[:, None], 2, axis=1), rel=1e-9)
    assert weight.detach().numpy() == pytest.approx(np.prod(1 - decay * lr.table(40)) * np.array([1.0, -3.0]))


@given(periods, modulations, st.floats(-1, 1))
def test_over_a_cycle_clients_weigh_the_same_to_first_order_whatever_their_offset(
    period: int, modulation: float, offset: float
) -> None:
    """The sum of rates is a client's weight in the aggregate while its gradient stays the same."""
    total = cosine(period, modulation, offset).table(period).sum()
    assert total == pytest.approx(period * MEAN, rel=1e-12)


@given(periods, st.sampled_from(sorted(set(waves.WAVES) - {"pulse"})), st.integers(0, 400))
def test_and_on_any_wave_where_the_offset_is_of_whole_steps(period: int, wave: str, ahead: int) -> None:
    clients = [Schedule(Clock(period), wave, 1e-3, 1e-1, offset).table(period) for offset in (0.0, ahead / period)]
    assert sorted(clients[1]) == pytest.approx(sorted(clients[0]), rel=1e-6)


@given(periods, modulations, st.floats(-1, 1))
@settings(max_examples=200)
def test_a_cosines_mean_square_is_one_and_half_its_squared_modulation_times_its_squared_mean(
    period: int, modulation: float, offset: float
) -> None:
    """E[η²] = (1 + m²/2)·(Eη)², which no cosine of rates that are not negative takes above 1.5·(Eη)²."""
    schedule = cosine(period, modulation, offset)
    rates = schedule.table(period)
    ratio = np.mean(rates**2) / np.mean(rates) ** 2
    assert ratio == pytest.approx(1 + modulation**2 / 2, rel=1e-9)
    assert ratio <= 1.5 + 1e-9
    assert schedule.rms() == pytest.approx(math.sqrt(1 + modulation**2 / 2) * schedule.mean(), rel=1e-9)


@given(periods, st.floats(0.1, 1), st.integers(1, 6))
def test_what_cycles_change_of_a_clients_drift_is_of_second_order_and_never_less(
    period: int, modulation: float, local: int
) -> None:
    """Local steps on ½λw² shrink w by Π(1 − ηλ) a round: to second order in λ it is the rates' sum and mean square.

    Cycles keep the sum and raise the mean square, and with it what a client drifts towards its own minimum.
    """
    rates = np.repeat(cosine(period, modulation, mean=1.0).table(period), local)
    small = 1e-6 / len(rates)
    cyclic, constant = (np.log1p(-small * each).sum() for each in (rates, np.ones_like(rates)))
    excess = np.mean(rates**2) - 1
    assert (constant - cyclic) / (small**2 * len(rates) / 2) == pytest.approx(excess, rel=2e-2)
    assert excess > 0
