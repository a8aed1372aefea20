"""Weight averages: torch's own mean and `update_bn`, and nothing that training depends on is touched."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import swa_utils

from lab.errors import UserError
from lab.supervised.config import SupervisedConfig
from lab.supervised.networks import NetworkPart
from lab.supervised.trainer import SupervisedTrainer
from lab.techniques.technique import log_probabilities
from lab.techniques.update_bn import reestimated, reestimating
from lab.training import checkpoints
from lab.training.config import resolve
from lab.training.trainer import Context

BASE: dict[str, Any] = {
    "steps": 60,
    "data": {"name": "digits"},
    "network": {"network": "mlp"},
    "batch_size": 16,
    "clock": {"period": 12},
    "voices": {"lr": {"wave": "anneal", "low": 0.0, "high": 0.01}},
}


class NormalisedNetwork(NetworkPart):
    """With BatchNorm, and with dropout, which draws from the global generator."""

    network: str = "normalised"

    def build(self, shape: tuple[int, ...], classes: int) -> nn.Module:
        return nn.Sequential(
            nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, classes)
        )


def trainer(tmp_path: Path, *techniques: Any) -> SupervisedTrainer:
    config = resolve(SupervisedConfig, BASE, {"techniques": list(techniques)})
    config = config.model_copy(update={"network": NormalisedNetwork()})
    return SupervisedTrainer(config, Context(torch.device("cpu"), tmp_path, tmp_path, lambda *a, **k: None))


def test_the_mean_is_that_of_torch(tmp_path: Path) -> None:
    one = trainer(tmp_path, {"name": "swa", "skip": 1, "update_bn": 7})
    theirs = swa_utils.AveragedModel(one.network)
    for cycle in range(1, 6):
        one.advance(12 * cycle)
        if cycle > 1:
            theirs.update_parameters(one.network)
    swa_utils.update_bn(one._batches(7), theirs)
    mine = one.predictors()["swa"]
    inputs = one._batches(1)[0]
    for found, expected in zip(
        reestimated(theirs.module, lambda: one._batches(7)).parameters(), theirs.module.parameters(), strict=True
    ):
        assert torch.equal(found, expected)
    assert torch.allclose(mine(inputs), log_probabilities(theirs.module)(inputs), atol=1e-6)
    assert one.metrics()["swa/averaged"] == 4


def test_statistics_are_those_of_update_bn_and_the_network_stays() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6, momentum=0.3), nn.Linear(6, 3))
    before = copy.deepcopy(network.state_dict())
    batches = [torch.randn(20, 4) for _ in range(5)]
    theirs = copy.deepcopy(network)
    swa_utils.update_bn(batches, theirs)
    found = reestimated(network, lambda: batches)
    assert all(torch.equal(tensor, theirs.state_dict()[name]) for name, tensor in found.state_dict().items())
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert not found.training


def test_statistics_know_no_dropout_and_no_chance() -> None:
    """Else they depended on the rate that a voice gave it last, which no checkpoint has."""
    torch.manual_seed(0)
    layers = [nn.Linear(4, 6), nn.Dropout(0.5), nn.BatchNorm1d(6)]
    batches = [torch.randn(20, 4) for _ in range(5)]
    plain = nn.Sequential(*(nn.Identity() if isinstance(layer, nn.Dropout) else layer for layer in layers))
    state = torch.get_rng_state()
    found, expected = (reestimated(network, lambda: batches) for network in (nn.Sequential(*layers), plain))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, expected.state_dict()[name]) for name, tensor in found.state_dict().items())


def test_batches_are_asked_for_only_where_there_is_batchnorm() -> None:
    def never() -> list[Tensor]:
        raise AssertionError("nothing needs them")

    network = nn.Linear(4, 3)
    assert reestimated(network, never) is network
    assert reestimating(network, never)(torch.zeros(2, 4)).shape == (2, 3)


def test_a_batch_of_one_has_no_variance_and_is_left_out() -> None:
    network = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6))
    batches = [torch.randn(20, 4), torch.randn(1, 4)]
    found, expected = (reestimated(network, lambda kept=kept: kept) for kept in (batches, batches[:1]))  # type: ignore[misc]
    assert torch.equal(found[1].running_var, expected[1].running_var)  # type: ignore[index]


def test_without_a_batch_that_has_a_variance_statistics_stay() -> None:
    network = nn.Sequential(nn.BatchNorm1d(4))
    network(torch.randn(20, 4))
    found = reestimated(network, lambda: [torch.randn(1, 4)])
    assert all(torch.equal(tensor, found.state_dict()[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("technique", ["swa", {"name": "average", "update_bn": 5}, "snapshots"])
def test_what_rides_along_and_is_scored_changes_nothing(technique: Any, tmp_path: Path) -> None:
    plain, watched = trainer(tmp_path), trainer(tmp_path, technique)
    for one, evaluations in ((plain, 0), (watched, 3)):
        one.advance(30)
        for _ in range(evaluations):
            one.evaluate()
        one.advance(60)
    states = [one.state_dict() for one in (plain, watched)]
    for part in ("network", "noise", "random"):
        mine, theirs = (state[part] for state in states)
        assert all(torch.equal(mine[name], theirs[name]) for name in mine), part


@pytest.mark.parametrize("technique", ["swa", {"name": "average", "update_bn": 5}, "snapshots"])
def test_a_network_with_batchnorm_resumes_bit_for_bit(technique: Any, tmp_path: Path) -> None:
    whole, again = trainer(tmp_path, technique), trainer(tmp_path, technique)
    whole.advance(31)
    outside = torch.get_rng_state()
    whole.evaluate()
    assert torch.equal(torch.get_rng_state(), outside)
    checkpoints.save(tmp_path / "checkpoints", 31, whole.state_dict(), {})
    whole.advance(60)
    again.load_state_dict(checkpoints.load_newest(tmp_path / "checkpoints")[1])
    again.advance(60)
    assert whole.evaluate() == again.evaluate()
    assert whole.metrics() == again.metrics()


def test_an_average_whose_statistics_are_estimated_anew_fits_its_weights(tmp_path: Path) -> None:
    kept, anew = trainer(tmp_path, "average"), trainer(tmp_path, {"name": "average", "update_bn": 40})
    for one in (kept, anew):
        one.advance(60)
    assert kept.evaluate()["evaluation/nll"] == anew.evaluate()["evaluation/nll"]
    assert kept.evaluate()["evaluation/average/nll"] != anew.evaluate()["evaluation/average/nll"]


def test_a_mean_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="techniques.swa: skip: 5 leaves out all 5 moments of the run's 60 steps"):
        trainer(tmp_path, {"name": "swa", "skip": 5})
    trainer(tmp_path, {"name": "swa", "skip": 4})
