"""Equality with torch's own schedulers, stepped from the start for 10,000 steps, to 1e-12."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from lab.phase import Clock, Schedule, waves

STEPS = 10_000
LOW, HIGH = 1e-5, 0.1


def stepped(make: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler], steps: int = STEPS) -> np.ndarray:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=HIGH)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.array(rates)


@pytest.mark.parametrize(("period", "stretch"), [(1000, 1), (7, 1), (1, 3), (10, 2), (1, 2), (3, 5)])
def test_anneal_is_cosine_annealing_with_warm_restarts(period: int, stretch: int) -> None:
    theirs = stepped(lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, period, stretch, eta_min=LOW))
    ours = Schedule(Clock(period, stretch=stretch), "anneal", LOW, HIGH).table(STEPS)
    assert np.abs(ours - theirs).max() <= 1e-12


@pytest.mark.parametrize("half", [500, 1, 7, 333])
def test_triangle_shifted_by_half_is_cyclic_triangular(half: int) -> None:
    theirs = stepped(lambda o: lr_scheduler.CyclicLR(o, LOW, HIGH, step_size_up=half, cycle_momentum=False))
    ours = Schedule(Clock(2 * half), "triangle", LOW, HIGH).shifted(0.5).table(STEPS)
    assert np.abs(ours - theirs).max() <= 1e-12


def test_one_cycle_has_the_shape_of_torchs_whose_parts_end_one_step_early() -> None:
    theirs = stepped(lambda o: lr_scheduler.OneCycleLR(o, HIGH, STEPS, div_factor=HIGH / LOW, final_div_factor=1.0))
    steps, top = np.arange(STEPS), waves.RISE * STEPS - 1  # torch's crest, one step before 0.3 of the cycle
    rising = waves.RISE * steps / top
    falling = waves.RISE + (1 - waves.RISE) * (steps - top) / (STEPS - 1 - top)
    levels = [waves.one_cycle(min(phase, 1.0)) for phase in np.where(steps < top, rising, falling).tolist()]
    assert np.abs(LOW + (HIGH - LOW) * np.array(levels) - theirs).max() <= 1e-12
    ours = Schedule(Clock(STEPS, cycles=1), "one_cycle", LOW, HIGH)
    assert np.abs(ours.table(STEPS) - theirs).max() < 2 * HIGH * np.pi / (waves.RISE * STEPS)  # a step or so apart
    assert (ours.table(STEPS).argmax(), theirs.argmax()) == (3000, 2999)


def test_a_sawtooth_of_one_cycle_is_a_linear_decay_to_zero() -> None:
    theirs = stepped(lambda o: lr_scheduler.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=STEPS))
    ours = Schedule(Clock(STEPS, cycles=1), "sawtooth", 0.0, HIGH).table(STEPS)
    assert np.abs(ours - theirs).max() <= 1e-12


def test_a_geometric_sawtooth_of_one_cycle_is_the_exponential_decay() -> None:
    theirs = stepped(lambda o: lr_scheduler.ExponentialLR(o, gamma=(LOW / HIGH) ** (1 / STEPS)))
    ours = Schedule(Clock(STEPS, cycles=1), "sawtooth", LOW, HIGH, scale="geometric").table(STEPS)
    assert np.abs(ours / theirs - 1).max() <= 1e-9


def test_warmup_stable_decay_is_torchs_linear_parts_one_after_the_other() -> None:
    def make(optimizer: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
        up, down = round(waves.WARM_UP * STEPS), round(waves.DECAY * STEPS)
        parts = (
            lr_scheduler.LinearLR(optimizer, start_factor=1e-9, end_factor=1.0, total_iters=up),
            lr_scheduler.ConstantLR(optimizer, factor=1.0, total_iters=0),
            lr_scheduler.LinearLR(optimizer, start_factor=1.0, end_factor=0.0, total_iters=down),
        )
        return lr_scheduler.SequentialLR(optimizer, list(parts), milestones=[up, STEPS - down])

    ours = Schedule(Clock(STEPS, cycles=1), "warmup_stable_decay", 0.0, HIGH)
    assert np.abs(ours.table(STEPS) - stepped(make)).max() <= 1e-9
    assert (list(ours.due("crest", 0)), list(ours.due("trough", 0))) == ([500], [STEPS - 1])


def test_the_step_at_which_torch_itself_jumps_to_the_wrong_cycle() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=HIGH)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 1, 3).step(121)
    ours = Schedule(Clock(period=1, stretch=3), "anneal", 0.0, HIGH)
    assert ours(121) == HIGH == stepped(lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 1, 3), 122)[121]
    assert optimizer.param_groups[0]["lr"] != HIGH
