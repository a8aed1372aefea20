"""Plateaus: those of torch's ReduceLROnPlateau, a level for each answer, and voices that follow it in a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim.lr_scheduler import ReduceLROnPlateau

from lab.errors import UserError
from lab.supervised.config import SupervisedConfig
from lab.supervised.trainer import SupervisedTrainer
from lab.techniques.plateau import Bump, Plateau, Reduction
from lab.training.config import resolve
from lab.training.trainer import Context

SERIES = st.lists(st.sampled_from([1.0, 0.9, 0.89, 0.5, 0.4995, 0.3, 2.0, 0.0]), max_size=40)


@settings(deadline=None, max_examples=60)
@given(SERIES, st.integers(0, 4), st.integers(0, 3), st.sampled_from([0.0, 1e-3, 0.1]))
def test_a_reduction_is_that_of_torch(values: list[float], patience: int, cooldown: int, threshold: float) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = ReduceLROnPlateau(optimizer, factor=0.5, patience=patience, cooldown=cooldown, threshold=threshold, eps=0)
    watch, mine = Plateau(patience, threshold, cooldown), Reduction(0.5)
    for step, value in enumerate(values):
        theirs.step(value)
        if watch.saw(value):
            mine.begin(step)
        assert mine.level(step) == optimizer.param_groups[0]["lr"]


@settings(deadline=None, max_examples=60)
@given(SERIES, st.integers(0, 40))
def test_a_watch_goes_on_where_it_was_saved(values: list[float], at: int) -> None:
    whole, first, second = (Plateau(1, 0.01, 1) for _ in range(3))
    told = [whole.saw(value) for value in values]
    before = [first.saw(value) for value in values[:at]]
    second.load_state_dict(first.state_dict())
    assert before + [second.saw(value) for value in values[at:]] == told


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 50), st.integers(0, 100))
def test_a_bump_is_a_triangle_from_0_to_1_and_back(length: int, began: int) -> None:
    bump = Bump(length)
    assert bump.level(began) == 0
    bump.begin(began)
    levels = [bump.level(step) for step in range(began, began + length + 3)]
    assert levels[0] == 0
    assert levels[length:] == [0, 0, 0]
    assert max(levels) == pytest.approx(1, abs=1.01 / length)
    assert levels[1:length] == pytest.approx(levels[1:length][::-1])


BASE: dict[str, Any] = {
    "steps": 60,
    "data": {"name": "digits"},
    "network": {"network": "mlp", "hidden": [8]},
    "batch_size": 16,
    "clock": {"period": 20},
    "techniques": [{"name": "plateau", "every": 5, "patience": 0, "threshold": 0.9, "length": 10}],
    "voices": {"lr": {"follow": "plateau", "relation": "in_phase", "low": 0.0, "high": 1e-3}},
}


def values_of(changes: dict[str, Any], tmp_path: Path) -> tuple[list[float], list[tuple[str, int]]]:
    """The learning rate of each step, and the events."""
    events: list[tuple[str, int]] = []
    context = Context(torch.device("cpu"), tmp_path, tmp_path, lambda kind, step, **data: events.append((kind, step)))
    trainer = SupervisedTrainer(resolve(SupervisedConfig, BASE, changes), context)
    rates = []
    for step in range(60):
        rates.append(trainer.metrics()["voice/lr"] if step == 0 else trainer.optimizer.param_groups[0]["lr"])
        trainer.advance(step + 1)
    return [*rates[1:], trainer.optimizer.param_groups[0]["lr"]], events


def test_a_plateau_bumps_the_rate_that_follows_it(tmp_path: Path) -> None:
    """At a rate of 0 the loss stands still: the second mean is told, and after a bump the second again."""
    rates, events = values_of({}, tmp_path)
    bump = pytest.approx([1e-3 * (1 - abs(1 - step / 5)) for step in range(10)])
    assert rates[:10] == [0] * 10
    assert rates[10:20] == bump
    assert events == [("plateau", 10), ("plateau", 30), ("plateau", 50)]
    assert rates[20:30] == [0] * 10
    assert rates[30:40] == bump


def test_no_bump_begins_where_the_last_has_to_be_over(tmp_path: Path) -> None:
    part = {**BASE["techniques"][0], "until": 31}
    assert values_of({"techniques": [part]}, tmp_path)[1] == [("plateau", 10), ("plateau", 30)]
    assert values_of({"techniques": [part | {"until": 30}]}, tmp_path)[1] == [("plateau", 10)]


def test_a_mean_in_which_a_bump_ends_is_not_judged(tmp_path: Path) -> None:
    part = {"name": "plateau", "every": 5, "patience": 0, "threshold": 0.9, "length": 12}
    _, events = values_of({"techniques": [part]}, tmp_path)
    assert events == [("plateau", 10), ("plateau", 35), ("plateau", 60)]


def test_a_plateau_lowers_the_rate_that_follows_it(tmp_path: Path) -> None:
    part = {"name": "plateau", "answer": "reduce", "every": 5, "patience": 0, "threshold": 0.9, "factor": 0.5}
    rates, events = values_of({"techniques": [part]}, tmp_path)
    assert rates == pytest.approx([1e-3 * 0.5 ** max(0, step // 5 - 1) for step in range(60)])
    assert events[0] == ("plateau", 10)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"voices.lr": 1e-3}, r"techniques.plateau: no voice follows it; give one \{follow: plateau"),
        ({"techniques": []}, "voices.lr.follow: unknown 'plateau'; it is measured by the technique 'plateau', which"),
        ({"techniques": [{"name": "plateau", "factor": 1.0}]}, "factor"),
        ({"techniques": [{"name": "plateau", "length": 1}]}, "length"),
    ],
)
def test_a_mistake_is_one_line_before_training(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as told:
        resolve(SupervisedConfig, BASE, changes)
    assert "\n" not in str(told.value)
