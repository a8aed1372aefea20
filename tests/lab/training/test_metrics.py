"""Reading the metrics log, and the mean over the last whole cycle."""

from pathlib import Path

import numpy as np
import pytest

from lab.errors import UserError
from lab.phase import Clock
from lab.training.jsonlines import JsonLines
from lab.training.metrics import Metrics, last_cycle


@pytest.fixture
def log(tmp_path: Path) -> Metrics:
    lines = JsonLines(tmp_path / "metrics.jsonl")
    for step in range(10, 101, 10):
        lines.append({"step": step, "loss": step / 10} | ({"evaluation/modes": float(step)} if step % 20 == 0 else {}))
    with lines.path.open("a") as file:
        file.write('{"step": 110, "lo')
    return Metrics.read(tmp_path)


def test_names_and_series(log: Metrics) -> None:
    assert log.names() == ["loss", "evaluation/modes"]
    steps, values = log.series("evaluation/modes")
    assert steps.dtype == np.int64
    assert values.dtype == np.float64
    assert steps.tolist() == values.tolist() == [20, 40, 60, 80, 100]
    assert log.last("loss") == 10.0


def test_a_column_that_is_not_there_is_named_with_those_that_are(log: Metrics) -> None:
    with pytest.raises(UserError, match=r"no column 'loos' in metrics\.jsonl; there are: loss, evaluation/modes"):
        log.series("loos")


def test_no_log_yet(tmp_path: Path) -> None:
    assert Metrics.read(tmp_path).names() == []


def test_what_is_not_finite_survives_strict_json(tmp_path: Path) -> None:
    lines = JsonLines(tmp_path / "metrics.jsonl")
    lines.append({"step": 1, "a": float("nan"), "b": float("-inf"), "c": 0.1 + 0.2})
    log = Metrics.read(tmp_path)
    assert np.isnan(log.last("a"))
    assert log.last("b") == -np.inf
    assert log.last("c") == 0.1 + 0.2
    assert "NaN" not in lines.path.read_text()


@pytest.mark.parametrize(
    ("clock", "total", "cycle"),
    [
        (Clock(period=40), 100, (40, 80)),
        (Clock(period=50), 100, (50, 100)),
        (Clock(period=100), 100, (0, 100)),
        (Clock(period=101), 100, (0, 100)),
        (Clock(period=10, cycles=3, stretch=2), 70, (30, 70)),
        (Clock(period=10, cycles=3, stretch=2), 100, (30, 100)),
        (Clock(period=10, cycles=3, stretch=2), 50, (10, 30)),
        (Clock.split(total=100, cycles=3), 100, (66, 100)),
    ],
)
def test_the_last_whole_cycle(clock: Clock, total: int, cycle: tuple[int, int]) -> None:
    assert last_cycle(clock, total) == cycle


def test_the_mean_over_the_last_whole_cycle(log: Metrics) -> None:
    assert log.over_last_cycle("evaluation/modes", Clock(period=40), 100) == (60 + 80) / 2
    assert log.over_last_cycle("evaluation/modes", Clock(period=50), 100) == (60 + 80 + 100) / 3


def test_what_overshoots_the_end_belongs_to_it(log: Metrics) -> None:
    assert log.over_last_cycle("loss", Clock(period=45), 90) == (5 + 6 + 7 + 8 + 9 + 10) / 6


def test_no_value_in_the_cycle_is_said(log: Metrics) -> None:
    with pytest.raises(UserError, match=r"no value of 'evaluation/modes' in the last whole cycle, steps 91 to 95"):
        log.over_last_cycle("evaluation/modes", Clock(period=5), 99)
