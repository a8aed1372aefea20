"""Learning tasks one after the other: who is learned when, what is told of it, and what is refused before training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.errors import UserError
from lab.supervised import datasets
from lab.supervised.config import SupervisedConfig
from lab.supervised.datasets import Labelled
from lab.supervised.samples import prepared
from lab.supervised.tasks import scores
from lab.supervised.tasks.course import Course
from lab.supervised.tasks.lessons import Lessons
from lab.supervised.trainer import SupervisedTrainer
from lab.training.config import resolve
from lab.training.trainer import Context

BASE: dict[str, Any] = {
    "steps": 200,
    "data": {"name": "digits"},
    "network": {"network": "mlp", "hidden": [32]},
    "batch_size": 32,
    "clock": {"period": 10},
    "voices": {"lr": 3e-3},
    "tasks": {"name": "split", "number": 5},
}


def trainer(tmp_path: Path, event: Callable[..., None] = lambda *a, **k: None, **changes: Any) -> SupervisedTrainer:
    config = resolve(SupervisedConfig, BASE, changes)
    return SupervisedTrainer(config, Context(torch.device("cpu"), tmp_path, tmp_path, event))


def lessons(of: SupervisedTrainer) -> Lessons:
    assert of._lessons is not None
    return of._lessons


def course(of: SupervisedTrainer) -> Course:
    return lessons(of).course


def test_each_task_is_learned_in_its_share_of_the_steps(tmp_path: Path) -> None:
    one = trainer(tmp_path)
    for step in range(200):
        batch = one._samples.batch(32, step)
        assert batch.tasks is not None
        assert set(batch.labels.tolist()) <= {2 * (step // 40), 2 * (step // 40) + 1}
        assert (batch.tasks == step // 40).all()


def test_an_epoch_of_a_task_has_each_of_its_samples_once(tmp_path: Path) -> None:
    one = trainer(tmp_path)
    places = course(one).tasks.train[0]
    batch = one._samples.batch(len(places), 0)
    want = one.data.inputs[places].flatten(1)
    assert batch.stored is not None
    assert sorted(batch.stored.flatten(1).tolist()) == sorted(want.tolist())


def test_all_tasks_are_learned_at_once_where_they_are_joint(tmp_path: Path) -> None:
    one, apart = trainer(tmp_path, **{"tasks.joint": True}), trainer(tmp_path)
    apart.advance(200)
    batch = one._samples.batch(len(one.data.labels), 0)
    assert torch.bincount(batch.labels).tolist() == torch.bincount(one.data.labels).tolist()
    one.advance(200)
    found = one.evaluate()
    assert set(found) == set(apart.evaluate())
    assert found["evaluation/average_accuracy"] > 0.8
    assert abs(found["evaluation/forgetting"]) < 0.1
    assert found["evaluation/min_accuracy"] > 0.5


def test_permuted_samples_are_those_of_the_data_in_another_order(tmp_path: Path) -> None:
    one = trainer(tmp_path, tasks={"name": "permuted", "number": 4})
    first, second = one._samples.batch(1437, 0), one._samples.batch(1437, 50)
    assert first.stored is not None
    assert second.stored is not None
    assert sorted(first.stored.flatten(1).tolist()) == sorted(one.data.inputs.flatten(1).tolist())
    pixels = course(one).tasks.pixels
    assert pixels is not None
    undone = torch.empty_like(second.stored.flatten(1))
    undone[:, pixels[1]] = second.stored.flatten(1)
    assert sorted(undone.tolist()) == sorted(one.data.inputs.flatten(1).tolist())
    test = torch.cat(list(course(one).questions(1)))
    assert (test.flatten(1) == torch.cat(list(course(one).questions(0))).flatten(1)[:, pixels[1]]).all()


def test_no_statistics_are_taken_of_tasks_that_are_yet_to_come(tmp_path: Path) -> None:
    one = trainer(tmp_path)
    one.advance(50)
    shown = {tuple(row) for batch in one._batches(100) for row in batch.flatten(1).tolist()}
    first, later = (one.data.inputs[torch.cat(course(one).tasks.train[part])] for part in (slice(2), slice(2, 5)))
    met, coming = ({tuple(row) for row in prepared(part).flatten(1).tolist()} for part in (first, later))
    assert shown == met
    assert not shown & coming
    assert [len(batch) for batch in one._batches(3)] == [32] * 3


def test_scores_are_of_the_tasks_so_far(tmp_path: Path) -> None:
    one = trainer(tmp_path)
    for step, tasks in ((0, 1), (40, 1), (41, 2), (80, 2), (200, 5)):
        one.advance(step)
        found = one.evaluate()
        own = [found[f"evaluation/task/{task}/accuracy"] for task in range(tasks)]
        assert f"evaluation/task/{tasks}/accuracy" not in found
        assert found["evaluation/average_accuracy"] == pytest.approx(np.mean(own))
        sizes = [len(places) for places in course(one).tasks.test[:tasks]]
        assert found["evaluation/accuracy"] == pytest.approx(np.average(own, weights=sizes))
    assert found["evaluation/accuracy"] < 0.35, "without rehearsal all but the last task are forgotten"
    assert found["evaluation/forgetting"] > 0.7
    assert found["evaluation/min_accuracy"] < 0.2


def test_what_was_lost_is_what_evaluations_tell(tmp_path: Path) -> None:
    """The matrix, and with it forgetting and backward transfer, from evaluations at the ends of tasks."""
    one = trainer(tmp_path, **{"voices.lr": 1e-3})
    rows = []
    for end in range(40, 201, 40):
        one.advance(end)
        found = one.evaluate()
        rows.append([found[f"evaluation/task/{task}/accuracy"] for task in range(end // 40)])
    best = [max(row[task] for row in rows[task:4]) for task in range(4)]
    assert found["evaluation/forgetting"] == pytest.approx(np.mean([best[t] - rows[4][t] for t in range(4)]))
    assert found["evaluation/backward_transfer"] == pytest.approx(np.mean([rows[4][t] - rows[t][t] for t in range(4)]))


def test_the_worst_accuracy_is_the_least_of_all_looks_since_a_task_was_learned(tmp_path: Path) -> None:
    """Against evaluations at the same steps, at all test samples."""
    one = trainer(tmp_path, **{"tasks.watch_every": 4, "tasks.watch_samples": 10_000, "voices.lr": 1e-3})
    seen: dict[int, list[float]] = {task: [] for task in range(5)}
    for step in range(4, 201, 4):
        one.advance(step)
        found = one.evaluate()
        for task in range((step - 1) // 40):
            seen[task].append(found[f"evaluation/task/{task}/accuracy"])
    least = np.mean([min(seen[task]) for task in range(4)])
    assert found["evaluation/min_accuracy"] == pytest.approx(least, abs=1e-6)
    worst = found["evaluation/task/4/accuracy"] / 5 + 0.8 * least
    assert found["evaluation/worst_case_accuracy"] == pytest.approx(worst, abs=1e-6)


def test_every_score_of_a_sequence_is_there_from_the_first_evaluation_on(tmp_path: Path) -> None:
    """A study looks for its columns there; all but the worst accuracy of earlier tasks, of which there are none."""
    one = trainer(tmp_path)
    one.advance(20)
    first = one.evaluate()
    assert first["evaluation/forgetting"] == first["evaluation/backward_transfer"] == 0
    assert first["evaluation/worst_case_accuracy"] == first["evaluation/task/0/accuracy"]
    one.advance(44)  # the first look at a task comes later
    second = one.evaluate()
    assert second["evaluation/min_accuracy"] == second["evaluation/task/0/accuracy"]


def test_looks_change_nothing_and_can_be_switched_off(tmp_path: Path) -> None:
    watched, alone = trainer(tmp_path), trainer(tmp_path, **{"tasks.watch_every": 0})
    for one in (watched, alone):
        one.advance(100)
    rows = [watched.evaluate(), alone.evaluate()]
    assert set(rows[0]) - set(rows[1]) == {"evaluation/min_accuracy", "evaluation/worst_case_accuracy"}
    assert all(rows[0][name] == value for name, value in rows[1].items())


def test_only_the_classes_of_its_task_compete_where_the_task_is_told(tmp_path: Path) -> None:
    told = trainer(tmp_path, **{"tasks.incremental": "task"})
    before = told.network.readout.weight.detach().clone()
    told.advance(40)
    moved = (told.network.readout.weight != before).any(dim=1)
    assert moved.tolist() == [True, True] + [False] * 8
    told.advance(200)
    found = told.evaluate()
    assert found["evaluation/average_accuracy"] > 0.8
    answers = lessons(told).answers(told.predictors()[""], 200).exp()
    tasks = torch.cat([torch.full((len(p),), task) for task, p in enumerate(course(told).tasks.test)])
    own = answers.view(len(answers), 5, 2)[torch.arange(len(answers)), tasks].sum(dim=1)
    assert torch.allclose(own, torch.ones_like(own), atol=1e-5)


@given(st.integers(2, 6), st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_scores_of_a_matrix_are_their_formulas(tasks: int, seed: int) -> None:
    a = np.random.default_rng(seed).random((tasks, tasks))
    matrix = [a[row, : row + 1].tolist() for row in range(tasks)]
    k = tasks - 1
    want = sum(max(a[row, j] for row in range(j, k)) - a[k, j] for j in range(k)) / k
    assert scores.forgetting(matrix[:-1], matrix[-1]) == pytest.approx(want)
    want = sum(a[k, j] - a[j, j] for j in range(k)) / k
    assert scores.backward_transfer(matrix[:-1], matrix[-1]) == pytest.approx(want)


def test_forgetting_leaves_the_present_out_and_may_be_negative() -> None:
    assert scores.forgetting([[0.5]], [0.75, 1.0]) == -0.25
    assert scores.forgetting([[0.9], [0.7, 0.8]], [0.6, 0.9, 1.0]) == pytest.approx((0.3 - 0.1) / 2)
    assert scores.worst_case_accuracy(0.9, 0.6, 3) == pytest.approx(0.7)


def without(data: Labelled, label: int) -> Labelled:
    keep = data.labels != label
    return Labelled(data.inputs[keep], data.labels[keep], data.test_inputs, data.test_labels)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"steps": 201}, "steps: 201 is not accepted; 5 equally long tasks take a multiple of 5, such as 200"),
        ({"tasks.number": 3, "steps": 201}, r"tasks.number: 3 does not divide 10 classes into tasks; 2, 5, 10 are acc"),
        ({"tasks": {"name": "split", "classes": 4}}, "tasks.classes: 4 does not divide 10 classes into tasks; 1, 2, 5"),
        ({"tasks": {"name": "split", "classes": 2}, "steps": 202}, "steps: 202 is not accepted; 5 equally long"),
        ({"tasks": {"name": "split"}}, "tasks: number of tasks, or classes of a task: neither is given"),
        ({"tasks": {"name": "split", "number": 5, "classes": 2}}, "both are given; one of them is accepted"),
        ({"tasks": {"name": "permuted"}}, "tasks.number: missing; a value is required"),
        ({"tasks": "permuted"}, "tasks.number: missing; a value is required"),
        ({"tasks": {"name": "splitt"}}, "tasks: no sequence of tasks is called 'splitt'; did you mean 'split'"),
        (
            {"tasks.incremental": "task", "techniques": [{"name": "snapshots", "of": "clock"}]},
            "techniques.snapshots: probabilities of members cannot be averaged where tasks close classes",
        ),
        ({"tasks.incremental": "domain"}, "tasks.incremental: \"domain\" is not accepted"),
        ({"validation": 4}, r"tasks: class \d has no test samples; every class needs some"),
        (
            {"techniques": [{"name": "rehearsal", "buffer_size": 1438}]},
            "techniques.rehearsal: buffer_size: 1,438 is not accepted; at most 1,437 is, all training samples",
        ),
        ({"techniques": ["rehearsal"], "voices.rehearsal.share": 4.5}, "rehearsal.share: 4.5 is not accepted; 0"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_before_training(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words) as error:
        trainer(tmp_path, **changes)
    assert "\n" not in str(error.value)


def test_a_class_without_training_samples_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = datasets.digits(tmp_path)
    monkeypatch.setitem(datasets.DATASETS, "digits", lambda data_dir: without(digits, 7))
    with pytest.raises(UserError, match="tasks: class 7 has no training samples; every class needs some"):
        trainer(tmp_path)


def test_a_clock_too_slow_to_tell_phase_from_time_is_warned_of(tmp_path: Path, capsys: Any) -> None:
    events: list[dict[str, Any]] = []
    trainer(tmp_path, lambda kind, step, **data: events.append({"kind": kind, **data}), clock={"period": 25})
    assert "tasks: each has 40 steps, fewer than two cycles of 25" in capsys.readouterr().err
    assert [event["kind"] for event in events] == ["warning"]
    trainer(tmp_path, clock={"period": 20})
    trainer(tmp_path, clock={"period": 100}, **{"tasks.joint": True})
    assert capsys.readouterr().err == ""


def test_a_run_with_tasks_is_not_made_longer(tmp_path: Path) -> None:
    one = trainer(tmp_path)
    one.advance(50)
    with pytest.raises(UserError, match="steps: 400 is not accepted; 200 is, as the run's tasks were laid out by it"):
        trainer(tmp_path, steps=400).load_state_dict(one.state_dict())
