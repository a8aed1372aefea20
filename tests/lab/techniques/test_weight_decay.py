"""Weight decay: torch's AdamW at power 1, L2 when coupled, and equal totals over a cycle for every power."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from lab.errors import UserError
from lab.phase import Clock, Constant, Schedule
from lab.supervised.config import SupervisedConfig
from lab.supervised.trainer import SupervisedTrainer
from lab.techniques.technique import Host
from lab.techniques.weight_decay import WeightDecayPart, factor, share
from lab.training.config import resolve
from lab.training.trainer import Context

RATE = Schedule(Clock(period=8), wave="cosine", low=1e-3, high=5e-2)
BASE: dict[str, Any] = {
    "steps": 20,
    "data": {"name": "digits"},
    "network": {"network": "mlp", "hidden": [8]},
    "clock": {"period": 16},
    "voices": {"lr": {"wave": "cosine", "low": 0.0, "high": 1e-2}},
    "techniques": ["weight_decay"],
}


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))


def trained(net: nn.Module, optimizer: torch.optim.Optimizer, before: Callable[[int], object]) -> torch.Tensor:
    """The weights after two cycles of learning rates; ``before(step)`` is called before each step of the optimiser."""
    data = torch.Generator().manual_seed(1)
    for step in range(16):
        for group in optimizer.param_groups:
            group["lr"] = RATE(step)
        inputs, labels = torch.randn(16, 6, generator=data), torch.randint(3, (16,), generator=data)
        optimizer.zero_grad()
        functional.cross_entropy(net(inputs), labels).backward()
        before(step)
        optimizer.step()
    return torch.cat([parameter.detach().flatten() for parameter in net.parameters()])


def host(net: nn.Module, optimizer: torch.optim.Optimizer) -> Host:
    return Host(
        network=net,
        optimizer=optimizer,
        device=torch.device("cpu"),
        clock=Clock(period=8),
        voices={"lr": RATE},
        steps=16,
        batch_size=16,
        classes=3,
        counts=torch.ones(3),
        random=lambda use: torch.Generator(),
        batches=lambda n: (),
        event=lambda *a, **k: None,
    )


def with_technique(decay: float, optimizer: Callable[..., torch.optim.Optimizer], **settings: Any) -> torch.Tensor:
    net = network()
    stepper = optimizer(net.parameters())
    technique = WeightDecayPart(**settings).build(host(net, stepper))
    technique.targets()["weight_decay"](decay)
    return trained(net, stepper, technique.gradients)


def adam(parameters: Any, **more: Any) -> torch.optim.Adam:
    return torch.optim.Adam(parameters, foreach=True, **more)


def test_power_one_is_adamw_bit_for_bit() -> None:
    net = network()
    theirs = trained(net, torch.optim.AdamW(net.parameters(), weight_decay=0.3, foreach=True), lambda step: None)
    assert torch.equal(with_technique(0.3, adam, vectors=True), theirs)


def test_coupled_is_torchs_l2() -> None:
    net = network()
    theirs = trained(net, adam(net.parameters(), weight_decay=0.3), lambda step: None)
    torch.testing.assert_close(with_technique(0.3, adam, coupled=True, vectors=True), theirs)


def test_only_weights_of_two_dimensions_shrink_unless_asked() -> None:
    net = network()
    groups = [
        {"params": [p for p in net.parameters() if p.ndim >= 2], "weight_decay": 0.3},
        {"params": [p for p in net.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    theirs = trained(net, torch.optim.AdamW(groups, foreach=True), lambda step: None)
    assert torch.equal(with_technique(0.3, adam), theirs)
    assert not torch.equal(with_technique(0.3, adam, vectors=True), theirs)


@pytest.mark.parametrize("power", [0, 1, 2])
def test_a_weight_without_gradient_does_not_shrink(power: int) -> None:
    net = network()
    net[0].weight.requires_grad_(False)
    stepper = adam(net.parameters())
    technique = WeightDecayPart(power=power).build(host(net, stepper))
    technique.targets()["weight_decay"](0.3)
    before = net[0].weight.clone()
    trained(net, stepper, technique.gradients)
    assert torch.equal(net[0].weight, before)


waves = st.sampled_from(["cosine", "triangle", "anneal", "sawtooth", "square", "one_cycle"])


@settings(deadline=None)
@given(waves, st.integers(1, 60), st.just(0.0) | st.floats(1e-9, 1), st.floats(0.01, 1), st.floats(0, 1))
def test_every_power_has_the_same_total_over_a_cycle(
    wave: str, period: int, low: float, span: float, offset: float
) -> None:
    rate = Schedule(Clock(period=period), wave=wave, low=low, high=low + span, offset=offset)
    if rate.mean() <= 0:
        return
    rates = rate.table(period)
    shares = {power: [share(0.3, x, power, factor(rate, power)) for x in rates.tolist()] for power in (0, 1, 2)}
    totals = [sum(found) for found in shares.values()]
    assert totals == pytest.approx([0.3 * rates.sum()] * 3, rel=1e-9)
    assert np.ptp(shares[0]) <= 1e-12


def test_a_rate_whose_square_is_0_has_no_share_of_it() -> None:
    with pytest.raises(ValueError, match="power 2 needs a learning rate whose mean is above 0, and not 1e-200"):
        factor(Constant(1e-200), 2)


@pytest.mark.parametrize("power", [0, 2])
def test_a_constant_rate_decays_alike_with_every_power(power: int) -> None:
    assert share(0.1, 3e-4, power, factor(Constant(3e-4), power)) == pytest.approx(0.1 * 3e-4)


def test_more_of_it_makes_weights_smaller(tmp_path: Path) -> None:
    norms = []
    for decay in (0.0, 1.0, 30.0):
        config = resolve(SupervisedConfig, BASE, {"voices.weight_decay": decay})
        one = SupervisedTrainer(config, Context(torch.device("cpu"), tmp_path, tmp_path, lambda *a, **k: None))
        one.advance(20)
        norms.append(float(one.network.readout.weight.detach().norm()))
    assert norms[0] > norms[1] > norms[2]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"voices.weight_decay": -1.0}, "voices.weight_decay: -1 is not accepted; 0 to 1e"),
        ({"voices.weight_decay": 500}, "a step could take 5 of a weight; lower voices.weight_decay to 100"),
        ({"groups": {"r": ["readout.*"]}, "voices.lr.r": 1.0, "voices.weight_decay": 50}, "a step could take 50 of a"),
        ({"techniques": [{"name": "weight_decay", "power": 3}]}, "power"),
        (
            {"techniques": [{"name": "weight_decay", "power": 2, "coupled": True}]},
            "power: 2 is not accepted with coupled",
        ),
        (
            {"techniques": [{"name": "weight_decay", "power": 0}], "voices.lr": 0.0},
            "techniques.weight_decay: power 0 needs a learning rate whose mean is above 0, and not 0",
        ),
        ({"voices.weight_decay": {"follow": "lrr", "low": 0, "high": 1}}, "lrr"),
    ],
)
def test_a_mistake_is_one_line_before_training(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        resolve(SupervisedConfig, BASE, changes)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("power", [0, 2])
def test_a_layer_with_a_fraction_of_the_rate_loses_the_same_total_at_every_power(power: int) -> None:
    left = []
    for own in (power, 1):
        weights = [nn.Parameter(torch.ones(2, 2, dtype=torch.float64)) for _ in range(2)]
        groups = [{"params": [weight], "factor": factor} for weight, factor in zip(weights, (1.0, 0.1), strict=True)]
        optimizer = torch.optim.SGD(groups, lr=0.0)
        technique = WeightDecayPart.model_validate({"power": own}).build(host(nn.Linear(1, 1), optimizer))
        technique.targets()["weight_decay"](1e-3)
        for step in range(16):
            for group in optimizer.param_groups:
                group["lr"] = RATE(step) * group["factor"]
                group["params"][0].grad = torch.zeros(2, 2, dtype=torch.float64)
            technique.gradients(step)
        left.append([1 - float(weight.detach().mean()) for weight in weights])
    assert left[0] == pytest.approx(left[1], rel=1e-3)
