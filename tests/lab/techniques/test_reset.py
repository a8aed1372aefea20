"""Weights drawn anew at each cycle: what follows is a training of its own."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lab.errors import UserError
from lab.supervised.config import SupervisedConfig
from lab.supervised.trainer import SupervisedTrainer
from lab.techniques.reset import begin_again
from lab.techniques.snapshots import Snapshots
from lab.training.config import resolve
from lab.training.randomness import stream
from lab.training.trainer import Context

BASE: dict[str, Any] = {
    "steps": 36,
    "data": {"name": "digits"},
    "network": {"network": "mlp", "hidden": [16]},
    "batch_size": 16,
    "clock": {"period": 12},
    "voices": {"lr": {"wave": "sawtooth", "low": 0.0, "high": 0.01}},
    "techniques": ["reset", {"name": "snapshots", "of": "clock"}],
}


def trainer(tmp_path: Path, **changes: Any) -> SupervisedTrainer:
    config = resolve(SupervisedConfig, BASE, changes)
    return SupervisedTrainer(config, Context(torch.device("cpu"), tmp_path, tmp_path, lambda *a, **k: None))


def members(one: SupervisedTrainer) -> list[dict[str, torch.Tensor]]:
    technique = one.techniques.each["snapshots"]
    assert isinstance(technique, Snapshots)
    return technique.ensemble.members


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_cycle_is_the_training_of_a_network_of_its_own(optimizer: str, tmp_path: Path) -> None:
    """The second member is what another run of one cycle ends with, given its first weights and the same samples."""
    one = trainer(tmp_path, optimizer=optimizer)
    one.advance(36)
    alone = trainer(tmp_path, optimizer=optimizer, techniques=[])
    alone._samples.batch(12 * 16, 0)  # what the first cycle learned from
    fresh = alone.config.network.initialised((1, 8, 8), 10, stream(0, "reset"))
    alone.network.load_state_dict(fresh.state_dict())
    alone.advance(12)
    assert all(torch.equal(members(one)[1][name], tensor) for name, tensor in alone.network.state_dict().items())


def test_members_share_nothing_that_they_learned(tmp_path: Path) -> None:
    independent, one_run = trainer(tmp_path), trainer(tmp_path, techniques=[{"name": "snapshots", "of": "clock"}])
    angles = []
    for one in (independent, one_run):
        one.advance(36)
        first, second = (torch.cat([t.flatten() for t in member.values()]) for member in members(one)[1:])
        angles.append(nn.functional.cosine_similarity(first, second, dim=0).item())
    assert angles[0] < 0.3 < 0.9 < angles[1]


def test_an_average_begins_again_with_the_weights(tmp_path: Path) -> None:
    """After a redraw both averages are those of a run that began there."""
    averages = [{"name": "swa", "of": "clock", "update_bn": 1}, "average"]
    one = trainer(tmp_path, techniques=["reset", *averages])
    one.advance(12)
    whole = one.evaluate()
    assert whole["evaluation/average/accuracy"] != whole["evaluation/accuracy"]
    one.advance(13)
    alone = trainer(tmp_path, techniques=averages)
    alone._samples.batch(12 * 16, 0)
    alone.network.load_state_dict(one.config.network.initialised((1, 8, 8), 10, stream(0, "reset")).state_dict())
    alone.techniques.each["average"]._begin_again()  # type: ignore[attr-defined]
    alone.advance(1)
    resumed = trainer(tmp_path, techniques=["reset", *averages])
    resumed.load_state_dict(copy.deepcopy(one.state_dict()))
    for each in (one, resumed):
        each.advance(24)
    alone.advance(12)
    expected = alone.evaluate()
    for each in (one, resumed):
        assert each.evaluate() == expected


def test_a_plateau_is_looked_for_anew(tmp_path: Path) -> None:
    plateau = {"name": "plateau", "answer": "reduce", "every": 5, "patience": 0, "threshold": 0.9, "factor": 0.5}
    voice = {"lr": {"follow": "plateau", "relation": "in_phase", "low": 0.0, "high": 0.01}}
    one = trainer(tmp_path, techniques=[{"name": "reset", "of": "clock"}, plateau], voices=voice)
    levels = []
    for until in range(1, 36):
        one.advance(until)
        levels.append(one.techniques.levels()["plateau"])
    assert levels[10] < 1.0
    assert levels[12:19] == [1.0] * 7, "a mean of both trainings tells nothing; the first whole one is at step 20"


def test_an_optimiser_forgets_in_place() -> None:
    network, fresh = nn.Linear(3, 2), nn.Linear(3, 2)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    weight = network.weight
    begin_again(network, optimizer, fresh)
    assert network.weight is weight
    assert torch.equal(network.weight, fresh.weight)
    assert not optimizer.state
    with pytest.raises(UserError, match="another technique has changed it"):
        begin_again(network, optimizer, nn.Linear(4, 2))


def test_a_reset_that_never_comes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the crest of 'clock' does not come within the run's 36 steps after the first"):
        trainer(tmp_path, clock={"period": 36})
