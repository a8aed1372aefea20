"""The conductor sets what is bound, fires what is due, remembers nothing, and costs next to nothing."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lab.phase import Clock, Conductor, Constant, Follower, PhaseError, Schedule, targets

LR = Schedule(Clock(period=10), "cosine", 0.0, 1.0)


def test_every_target_has_its_voices_value_after_a_step() -> None:
    net, heard = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.9)), []
    optimizer = torch.optim.Adam(net.parameters())
    conductor = Conductor(
        {
            "lr": (LR, targets.param_group(optimizer, "lr")),
            "dropout": (LR.anti_phase(0.0, 0.5), targets.modules(net, nn.Dropout, "p")),
            "clip": (Constant(0.2), heard.append),
            "entropy": (Follower("difficulty", 0.0, 0.1, anti=True), heard.append),
            "logged": (LR.in_phase(1, 2), None),
            "alone": LR,
        }
    )
    values = conductor.step(3, levels={"difficulty": 0.25})
    assert values == conductor.values(3, levels={"difficulty": 0.25})
    assert optimizer.param_groups[0]["lr"] == values["lr"] == values["alone"] == LR(3)
    assert net[1].p == values["dropout"] == LR.anti_phase(0.0, 0.5)(3)
    assert heard == [0.2, values["entropy"]] == [0.2, pytest.approx(0.075)]
    assert list(values) == ["lr", "dropout", "clip", "logged", "alone", "entropy"]


@given(st.lists(st.integers(0, 200), max_size=60), st.sampled_from(["crest", "trough", 0.3]), st.floats(-1, 1))
def test_events_fire_when_due_whatever_steps_came_before(steps: list[int], event: Any, offset: float) -> None:
    voice = LR.shifted(offset)
    due = set(voice.due(event, 0, 201))
    fired: list[int] = []
    conductor = Conductor({"lr": voice})
    conductor.on(event, of="lr", do=fired.append)
    for step in steps:
        conductor.step(step)
    assert fired == [step for step in steps if step in due]


def test_events_fall_where_the_voices_own_level_is_one_and_zero() -> None:
    conductor = Conductor({"g": LR.shifted(0.3), "d": LR.shifted(0.3).anti_phase()})
    crests: list[int] = []
    troughs: list[int] = []
    conductor.on("crest", of="g", do=crests.append)
    conductor.on("trough", of="d", do=troughs.append)
    levels = [LR.shifted(0.3)(conductor_step) for conductor_step in range(50) if conductor.step(conductor_step)]
    assert crests == troughs == np.flatnonzero(np.array(levels) == 1.0).tolist() == [7, 17, 27, 37, 47]


def test_events_see_the_values_already_set() -> None:
    heard: list[float] = []
    seen: list[tuple[int, float]] = []
    conductor = Conductor({"a": (LR, None), "b": (LR, heard.append)})
    conductor.on("trough", of="a", do=lambda step: seen.append((step, heard[-1])))
    for step in range(10):
        conductor.step(step)
    assert seen == [(5, 0.0)]


def test_skipped_steps_fire_their_events_if_told_since_when() -> None:
    fired: list[int] = []
    conductor = Conductor({"lr": LR})
    conductor.on("trough", of="lr", do=fired.append)
    previous = -1
    for step in (0, 16, 32, 33, 48):
        conductor.step(step, since=previous)
        previous = step
    assert fired == [5, 15, 25, 35, 45]
    conductor.step(16)
    assert fired == [5, 15, 25, 35, 45]


def test_a_resumed_conductor_fires_what_the_first_would_have() -> None:
    first: list[int] = []
    second: list[int] = []
    one, two = Conductor({"lr": LR}), Conductor({"lr": LR})
    one.on("crest", of="lr", do=first.append)
    two.on("crest", of="lr", do=second.append)
    for step in range(100):
        one.step(step)
        if step >= 37:
            two.step(step)
    assert second == [step for step in first if step >= 37]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conductor({"lr": 3.0}), "lr: 3.0 is not accepted; expected a schedule"),
        (lambda: Conductor({"lr": (lambda step: 1.0, None)}), "expected a schedule"),
        (lambda: Conductor({"lr": (LR, "optimizer")}), "lr: 'optimizer' is not accepted; expected a target"),
        (lambda: Conductor({"lr": LR}).on("crest", of="lrr", do=print), "of: unknown 'lrr' (did you mean 'lr'?)"),
        (lambda: Conductor({"lr": LR}).on("crests", of="lr", do=print), "event: 'crests'"),
        (lambda: Conductor({"lr": LR}).on("crest", of="lr", do=None), "do: None is not accepted; expected a function"),
        (lambda: Conductor({"lr": (LR, None, 1)}), "expected a voice, or a pair of a voice and a target"),
        (lambda: Conductor({"lr": LR}).step(np.arange(3)), "step: array([0, 1, 2])"),
        (lambda: Conductor({"lr": LR}).step(True), "step: True"),
        (lambda: Conductor({"c": Constant(1.0)}).on("crest", of="c", do=print), "a constant has none"),
        (lambda: Conductor({"e": Follower("difficulty", 0, 1)}).on("crest", of="e", do=print), "of: unknown 'e'"),
        (lambda: Conductor({"e": Follower("difficulty", 0, 1)}).step(0), "levels: unknown 'difficulty'"),
        (lambda: Conductor({"e": Follower("difficulty", 0, 1)}).step(0, {"difficulty": 2}), "difficulty: 2"),
        (lambda: Conductor({"lr": LR}).step(-1), "step: -1"),
    ],
)
def test_mistakes_are_refused(make: Any, message: str) -> None:
    with pytest.raises(PhaseError) as refused:
        make()
    assert message in str(refused.value)


def test_it_shows_its_voices() -> None:
    voices = {"lr": (LR, None), "e": Follower("difficulty", 0, 1)}
    assert repr(Conductor(voices)) == f"Conductor({{lr: {LR!r}, e: {voices['e']!r}}})"


def test_six_voices_cost_tens_of_microseconds_at_most() -> None:
    # 1 % of a step of the MNIST DCGAN (tens of ms) and 3 % of one of the ring's MLPs (2 ms and more) are above 60 µs.
    nets = [nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1)) for _ in range(2)]
    optimizers = [torch.optim.Adam(net.parameters()) for net in nets]
    lr = Schedule(Clock(period=1000), "cosine", 1e-5, 1e-3)
    conductor = Conductor(
        {
            "lr.generator": (lr, targets.param_group(optimizers[0], "lr")),
            "lr.discriminator": (lr.anti_phase(), targets.param_group(optimizers[1], "lr")),
            "beta": (lr.quadrature(0.9, 0.99), targets.param_group(optimizers[0], "betas.1")),
            "decay": (lr.constant_product(1e-8, 1e-5, 1e-3), targets.param_group(optimizers[1], "weight_decay")),
            "dropout": (lr.shifted(0.3).in_phase(0.0, 0.5), targets.modules(nets[0], nn.Dropout, "p")),
            "r1": (lr.in_phase(0.0, 1.0), targets.buffer(torch.zeros(()))),
        }
    )
    conductor.on("trough", of="lr.generator", do=lambda step: None)
    best = min(_seconds(conductor, start) for start in range(0, 20_000, 500))
    assert best < 60e-6


def _seconds(conductor: Conductor, start: int) -> float:
    began = time.perf_counter()
    for step in range(start, start + 500):
        conductor.step(step)
    return (time.perf_counter() - began) / 500
