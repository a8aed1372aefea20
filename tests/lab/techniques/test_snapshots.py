"""Snapshots: kept after the step at the trough and before the restart; the ensemble is the mean of probabilities."""

from __future__ import annotations

import copy
import doctest
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lab.errors import UserError
from lab.supervised.config import SupervisedConfig
from lab.supervised.trainer import SupervisedTrainer
from lab.techniques import snapshots
from lab.techniques.snapshots import Ensemble, Snapshots
from lab.training.config import resolve
from lab.training.restoring import checked, restore
from lab.training.trainer import Context

BASE: dict[str, Any] = {
    "steps": 60,
    "data": {"name": "digits"},
    "network": {"network": "mlp", "hidden": [16]},
    "batch_size": 16,
    "clock": {"period": 12},
    "voices": {"lr": {"wave": "anneal", "low": 0.0, "high": 0.01}},
    "techniques": ["snapshots"],
}


def trainer(tmp_path: Path, events: list[tuple[str, int]] | None = None, **changes: Any) -> SupervisedTrainer:
    def heard(kind: str, step: int, **data: Any) -> None:
        if events is not None and kind == "snapshot":
            events.append((kind, step))

    return SupervisedTrainer(
        resolve(SupervisedConfig, BASE, changes), Context(torch.device("cpu"), tmp_path, tmp_path, heard)
    )


def ensemble_of(one: SupervisedTrainer) -> Ensemble:
    technique = one.techniques.each["snapshots"]
    assert isinstance(technique, Snapshots)
    return technique.ensemble


def weights(one: SupervisedTrainer) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in one.network.state_dict().items()}


def test_members_are_the_weights_between_the_last_step_of_a_cycle_and_the_restart(tmp_path: Path) -> None:
    one = trainer(tmp_path)
    before_restart = []
    for cycle in range(1, 6):
        one.advance(12 * cycle)
        before_restart.append(weights(one))
    members = ensemble_of(one).members
    assert len(members) == 5
    for member, expected in zip(members, before_restart, strict=True):
        assert all(torch.equal(member[name], expected[name]) for name in expected)


class Tied(nn.Module):
    """One matrix by two names, and one list of buffers too."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.again = nn.Linear(6, 6), nn.Linear(6, 6)
        self.again.weight = self.first.weight
        self.first.register_buffer("scale", torch.tensor(2.0))
        self.again.register_buffer("scale", self.first.scale)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.again(self.first(inputs).relu()) * self.again.scale


def test_weights_that_are_one_by_two_names_stay_one(tmp_path: Path) -> None:
    network, inputs = Tied(), torch.randn(5, 6)
    ensemble, again = Ensemble(network, size=2), Ensemble(Tied(), size=2)
    expected = network(inputs).log_softmax(dim=1)
    ensemble.keep()
    with torch.no_grad():
        network.first.weight.zero_()
    assert torch.allclose(ensemble.predict(inputs), expected, atol=1e-6)
    again.restore(ensemble.members)
    assert torch.allclose(again.predict(inputs), expected, atol=1e-6)


def test_the_trough_of_a_symmetric_wave_is_its_lowest_step(tmp_path: Path) -> None:
    one = trainer(tmp_path, **{"voices.lr.wave": "cosine", "steps": 12})
    one.advance(7)  # the steps 0 … 6; step 6, at phase ½, has the lowest learning rate
    expected = weights(one)
    one.advance(12)
    (member,) = ensemble_of(one).members
    assert all(torch.equal(member[name], expected[name]) for name in expected)


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({}, [11, 23, 35, 47, 59]),
        ({"at": "crest"}, [0, 12, 24, 36, 48]),
        ({"at": 0.25}, [3, 15, 27, 39, 51]),
        ({"at": 0.25, "of": "clock"}, [3, 15, 27, 39, 51]),
        ({"of": "clock"}, [11, 23, 35, 47, 59]),
    ],
)
def test_when_weights_are_kept(settings: dict[str, Any], steps: list[int], tmp_path: Path) -> None:
    events: list[tuple[str, int]] = []
    one = trainer(tmp_path, events, techniques=[{"name": "snapshots", **settings}])
    one.advance(60)
    assert events == [("snapshot", step) for step in steps]


def test_only_the_last_members_are_kept(tmp_path: Path) -> None:
    few, many = (trainer(tmp_path, techniques=[{"name": "snapshots", "size": size}]) for size in (2, 9))
    for one in (few, many):
        one.advance(60)
    assert [len(ensemble_of(one).members) for one in (few, many)] == [2, 5]
    for last, same in zip(ensemble_of(few).members, ensemble_of(many).members[-2:], strict=True):
        assert all(torch.equal(last[name], same[name]) for name in last)


def test_the_ensemble_is_the_mean_of_the_probabilities_of_its_members() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    ensemble, copies, inputs = Ensemble(network, size=3), [], torch.randn(50, 4)
    for _ in range(3):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.normal_()
            network.train()(torch.randn(20, 4))  # moves the running statistics, which belong to a member too
        copies.append(copy.deepcopy(network).eval())
        ensemble.keep()
    with torch.no_grad():
        expected = torch.stack([one(inputs).softmax(dim=1) for one in copies]).mean(dim=0)
    assert torch.allclose(ensemble.predict(inputs).exp(), expected, atol=1e-6)
    assert network.training


def test_an_ensemble_is_scored_from_its_first_member_on(tmp_path: Path) -> None:
    one = trainer(tmp_path)
    one.advance(11)
    assert "evaluation/ensemble/accuracy" not in one.evaluate()
    one.advance(12)
    assert one.evaluate()["evaluation/ensemble/nll"] == pytest.approx(one.evaluate()["evaluation/nll"], abs=1e-6)
    assert "evaluation/snapshots/disagreement" not in one.evaluate()  # of one member
    one.advance(24)
    assert 0 <= one.evaluate()["evaluation/snapshots/disagreement"] <= 1


def test_keeping_members_changes_nothing_of_the_training(tmp_path: Path) -> None:
    plain, with_members = trainer(tmp_path, techniques=[]), trainer(tmp_path)
    for one in (plain, with_members):
        one.advance(30)
        one.evaluate()
        one.advance(60)
    assert all(torch.equal(weights(plain)[name], tensor) for name, tensor in weights(with_members).items())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"techniques": [{"name": "snapshots", "of": "rate"}]}, "snapshots: of: no voice is called 'rate'; accepted:"),
        ({"voices.lr": 0.01}, "snapshots: of: 'lr' has no such moment .*a constant has none"),
        ({"voices.lr.wave": "constant"}, "snapshots: of: 'lr' has no such moment"),
        ({"techniques": [{"name": "snapshots", "at": 1.5}]}, r"techniques.*at"),
        ({"techniques": [{"name": "snapshots", "at": "peak"}]}, r"techniques.*at"),
        ({"techniques": [{"name": "snapshots", "size": 0}]}, r"techniques.*size"),
        ({"deployed": "ensembel"}, "deployed: 'ensembel' is not accepted; network, ensemble is"),
    ],
)
def test_a_mistake_is_one_line_before_training(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        resolve(SupervisedConfig, BASE, changes)
    assert "\n" not in str(error.value)


def test_a_run_that_ends_before_the_first_moment_is_refused(tmp_path: Path) -> None:
    words = "techniques.snapshots: at: the trough of 'lr' does not come within the run's 11 steps"
    with pytest.raises(UserError, match=words):
        trainer(tmp_path, steps=11)


def test_members_of_another_network_are_refused(tmp_path: Path) -> None:
    one = trainer(tmp_path)
    one.advance(60)
    for change, reason in (({"techniques": [{"name": "snapshots", "size": 3}]}, "5 members for a size of 3"),):
        with pytest.raises(UserError, match=reason):
            restore(trainer(tmp_path, **change), one.state_dict(), "the checkpoint")
    ensemble = Ensemble(nn.Linear(2, 3), size=2)
    with pytest.raises(UserError, match="a member is of another network"):
        checked(lambda: ensemble.restore([{"weight": torch.zeros(3, 2), "bias": torch.zeros(4)}]), "it")


def test_what_is_deployed_has_its_scores_twice(tmp_path: Path) -> None:
    one = trainer(tmp_path, deployed="ensemble")
    assert one.evaluate()["evaluation/deployed/nll"] == one.evaluate()["evaluation/nll"]  # as long as there is none
    one.advance(60)
    row = one.evaluate()
    assert row["evaluation/deployed/nll"] == row["evaluation/ensemble/nll"] != row["evaluation/nll"]


def test_the_example_of_its_docstring_runs() -> None:
    assert doctest.testmod(snapshots).attempted > 0
    assert doctest.testmod(snapshots).failed == 0
