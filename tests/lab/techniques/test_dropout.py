"""Dropout with a tensor rate: torch's in distribution, a voice in the trainer, and refused where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lab.errors import UserError
from lab.supervised.config import SupervisedConfig
from lab.supervised.trainer import SupervisedTrainer
from lab.techniques.dropout import Dropout, with_tensor_rates
from lab.training.config import resolve
from lab.training.trainer import Context

BASE: dict[str, Any] = {
    "steps": 40,
    "data": {"name": "digits"},
    "network": {"network": "mlp", "hidden": [32], "dropout": 0.7},
    "clock": {"period": 16},
    "voices": {"lr": 1e-3, "dropout": {"wave": "cosine", "low": 0.0, "high": 0.5}},
    "techniques": ["dropout"],
}


def trainer(tmp_path: Path, **changes: Any) -> SupervisedTrainer:
    config = resolve(SupervisedConfig, BASE, changes)
    return SupervisedTrainer(config, Context(torch.device("cpu"), tmp_path, tmp_path, lambda *a, **k: None))


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 0.95))
def test_the_distribution_is_that_of_torchs_dropout(rate: float) -> None:
    """A share of p is 0, to five standard errors and a few samples, and the others are divided by 1 − p."""
    torch.manual_seed(0)
    inputs = torch.rand(20_000) + 1
    for layer in (Dropout(rate), nn.Dropout(rate)):
        found = layer(inputs)
        dropped = found == 0
        torch.testing.assert_close(found[~dropped], inputs[~dropped] / (1 - rate))
        assert float(dropped.float().mean()) == pytest.approx(rate, abs=5 * (rate * (1 - rate) / 20_000) ** 0.5 + 3e-4)


def test_what_was_dropped_has_no_gradient() -> None:
    inputs = torch.ones(1000, requires_grad=True)
    found = Dropout(0.4)(inputs)
    found.sum().backward()
    assert torch.equal(inputs.grad, found.detach())


def test_rate_zero_and_evaluation_change_nothing() -> None:
    inputs = torch.randn(50)
    assert torch.equal(Dropout(0.0)(inputs), inputs)
    assert torch.equal(Dropout(0.5).eval()(inputs), inputs)


def test_every_layer_is_replaced_once_and_no_name_of_a_state_changes() -> None:
    shared = nn.Dropout(0.2)
    network = nn.Sequential(nn.Linear(2, 2), shared, nn.Sequential(nn.Dropout(0.3), shared))
    names = list(network.state_dict())
    found = with_tensor_rates(network)
    assert [float(layer.p) for layer in found] == pytest.approx([0.2, 0.3])
    assert network[1] is network[2][1] is found[0]
    assert list(network.state_dict()) == names
    assert with_tensor_rates(network) == found


def test_a_layer_that_stands_twice_in_one_place_is_replaced_in_both() -> None:
    shared = nn.Dropout(0.2)
    network = nn.Sequential(nn.Linear(2, 2), shared, nn.ReLU(), shared)
    (found,) = with_tensor_rates(network)
    assert network[1] is network[3] is found


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_numbers_stay_of_their_kind(dtype: torch.dtype) -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.2), nn.Linear(2, 2)).to(dtype)
    with_tensor_rates(network)
    assert network(torch.ones(3, 2, dtype=dtype)).dtype == dtype


def test_the_voice_sets_every_layer(tmp_path: Path) -> None:
    one = trainer(tmp_path)
    layers = [module for module in one.network.modules() if isinstance(module, nn.Dropout)]
    for until, rate in ((1, 0.5), (9, 0.0), (17, 0.5)):
        one.advance(until)
        assert [float(layer.p) for layer in layers] == [rate]


def test_a_network_without_dropout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="techniques.dropout: the network has no nn.Dropout") as error:
        trainer(tmp_path, network={"network": "mlp", "hidden": []})
    assert "\n" not in str(error.value)


def test_the_rate_must_be_given_and_below_one() -> None:
    with pytest.raises(UserError, match="voices.dropout: missing; give the rate of dropout a number or a schedule"):
        resolve(SupervisedConfig, BASE, {"voices": {"lr": 1e-3}})
    with pytest.raises(UserError, match="voices.dropout: 1 is not accepted; 0 to 0.99 is"):
        resolve(SupervisedConfig, BASE, {"voices.dropout": 1.0})
