"""Findings while a run trains: each is told once, as an event and in words, whatever happened to the process."""

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toy

from lab.errors import Interrupted
from lab.training import checkpoints
from lab.training.config import resolve
from lab.training.findings import OFTEN, Columns, Finding, LogColumns
from lab.training.loop import make_context, train
from lab.training.run import Run

PRESET: dict[str, Any] = {
    "steps": 60,
    "clock": {"period": 20},
    "voices": {"lr.net": {"wave": "cosine", "low": 1e-4, "high": 1e-2}},
    "log_every": 10,
    "evaluate_every": 10,
    "checkpoint_every": 20,
}


class Watched:
    """The toy with a watch that finds something at its third row and at its fifth, and may stop on the way."""

    def __init__(self, stop: int = 0) -> None:
        self.stop = stop
        self.looked: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(toy.PLUGIN, name)

    def findings(self, columns: Columns, config: Mapping[str, Any]) -> list[Finding]:
        assert config["steps"] >= 60
        self.looked.append(len(columns["step"]))
        if self.stop == len(columns["step"]):
            os.kill(os.getpid(), signal.SIGINT)
        loss = columns["loss/net"]
        return [
            Finding(kind, int(columns["step"][row]), f"Loss {kind}.", float(loss[row]), 0.5, "less.")
            for kind, row in (("third", 2), ("fifth", 4))
            if len(loss) > row
        ]


def begin(root: Path, **changes: Any) -> Run:
    return Run.create(root, "run", "toy", resolve(toy.ToyConfig, PRESET | changes))


def go(run: Run, plugin: Any, told: list[str]) -> None:
    train(plugin, run, make_context(run, resolve(toy.ToyConfig, run.config)), warn=told.append)


def found(run: Run) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in run.events.path.read_text().splitlines()]
    return [event for event in events if event["kind"] == "finding"]


def test_a_finding_is_told_once_in_words_and_as_an_event(tmp_path: Path) -> None:
    told: list[str] = []
    run = begin(tmp_path)
    go(run, Watched(), told)
    assert told == ["run: step 30: Loss third. To try: less.", "run: step 50: Loss fifth. To try: less."]
    assert [(event["step"], event["since"], event["sign"]) for event in found(run)] == [
        (30, 30, "third"), (50, 50, "fifth"),
    ]  # fmt: skip
    assert found(run)[0].keys() == {"step", "kind", "sign", "since", "sentence", "value", "threshold", "advice"}


def test_a_watch_that_fails_is_off_and_the_run_goes_on(tmp_path: Path) -> None:
    told: list[str] = []
    run, watched = begin(tmp_path), Watched()
    watched.findings = lambda columns, config: [][1]  # type: ignore[attr-defined]
    go(run, watched, told)
    assert found(run) == []
    assert max(checkpoints.paths(run.checkpoints)) == run.config["steps"]
    assert told == ["run: its watch failed and is off (IndexError: list index out of range)"]


@pytest.mark.parametrize("stop", range(1, 6))
def test_a_stopped_run_goes_on_to_the_same_events(tmp_path: Path, stop: int) -> None:
    whole, stopped, told = begin(tmp_path / "whole"), begin(tmp_path / "stopped"), list[str]()
    go(whole, Watched(), [])
    with pytest.raises(Interrupted):
        go(stopped, Watched(stop), told)
    go(stopped, Watched(), told)
    assert found(stopped) == found(whole)
    assert len(told) == 2


@pytest.mark.parametrize("lost", [20, 40])
def test_a_killed_run_goes_on_to_the_same_events(tmp_path: Path, lost: int) -> None:
    """What a kill leaves: logs that reach beyond the newest checkpoint."""
    whole, killed = begin(tmp_path / "whole"), begin(tmp_path / "killed")
    go(whole, Watched(), [])
    go(killed, Watched(), [])
    for path in killed.checkpoints.iterdir():
        if int(path.name) > lost:
            path.rename(path.with_name(f"{path.name}.part"))
    go(killed, Watched(), [])
    assert killed.events.path.read_bytes() == whole.events.path.read_bytes()
    assert killed.metrics.path.read_bytes() == whole.metrics.path.read_bytes()


def test_the_log_is_looked_at_with_its_scores_and_at_its_end(tmp_path: Path) -> None:
    watched = Watched()
    go(begin(tmp_path, evaluate_every=40, steps=61), watched, [])
    assert watched.looked == [4, 7]


def test_a_long_log_is_looked_at_now_and_then(tmp_path: Path) -> None:
    watched = Watched()
    go(begin(tmp_path, steps=3 * OFTEN + 1, log_every=1, evaluate_every=1, checkpoint_every=1000), watched, [])
    assert watched.looked[: OFTEN - 1] == list(range(1, OFTEN))
    assert set(np.diff(watched.looked[:-1])) == {1, 2, 3}
    assert watched.looked[-1] == 3 * OFTEN + 1


def test_a_column_is_missing_where_a_row_lacks_it() -> None:
    log = LogColumns([{"step": 1, "a": 2.0}])
    log.append({"step": 2, "b": 3.0})
    columns = log.columns()
    assert len(log) == 2
    np.testing.assert_array_equal(columns["step"], [1, 2])
    np.testing.assert_array_equal(columns["a"], [2, np.nan])
    np.testing.assert_array_equal(columns["b"], [np.nan, 3])
