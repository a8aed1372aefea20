"""BatchNorm with a tensor momentum is torch's, and what running statistics cost is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from lab.errors import UserError
from lab.supervised.config import SupervisedConfig
from lab.supervised.trainer import SupervisedTrainer
from lab.techniques.batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d, by_batch, by_running, with_tensor_momenta
from lab.training.config import resolve
from lab.training.trainer import Context

BASE: dict[str, Any] = {
    "steps": 40,
    "data": {"name": "digits"},
    "network": {"network": "cnn", "widths": [4, 8], "hidden": [16], "dropout": 0.3},
    "batch_size": 64,
    "clock": {"period": 16},
    "voices": {"lr": 3e-3, "batchnorm.momentum": {"wave": "cosine", "low": 0.01, "high": 0.6}},
    "techniques": [{"name": "batchnorm", "batches": 3, "gap_every": 4}],
}


def trainer(tmp_path: Path, **changes: Any) -> SupervisedTrainer:
    config = resolve(SupervisedConfig, BASE, changes)
    return SupervisedTrainer(config, Context(torch.device("cpu"), tmp_path, tmp_path, lambda *a, **k: None))


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3),
        nn.BatchNorm2d(3, momentum=0.3),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(48, 5),
        nn.BatchNorm1d(5),
    )


def images(n: int = 1) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(2)
    return [torch.randn(8, 2, 6, 6, generator=random) * 2 + 1 for _ in range(n)]


@pytest.mark.parametrize(
    ("kind", "theirs", "shape"),
    [
        (BatchNorm1d, nn.BatchNorm1d, (9, 4)),
        (BatchNorm2d, nn.BatchNorm2d, (9, 4, 5, 5)),
        (BatchNorm3d, nn.BatchNorm3d, (9, 4, 3, 3, 3)),
    ],
)
@pytest.mark.parametrize("momentum", [0.0, 0.1, 1.0])
def test_it_is_torchs_batchnorm(kind: Any, theirs: Any, shape: tuple[int, ...], momentum: float) -> None:
    one, other = kind(4, momentum=momentum), theirs(4, momentum=momentum)
    random = torch.Generator().manual_seed(0)
    for _ in range(5):
        inputs = torch.randn(shape, generator=random) * 3 + 2
        mine, yours = inputs.clone().requires_grad_(), inputs.clone().requires_grad_()
        found, expected = one(mine), other(yours)
        assert torch.equal(found, expected)
        (found**3).sum().backward()
        (expected**3).sum().backward()
        assert torch.equal(mine.grad, yours.grad)
    for name, buffer in other.state_dict().items():
        torch.testing.assert_close(one.state_dict()[name], buffer, rtol=1e-6, atol=1e-6)
    assert one.state_dict().keys() == other.state_dict().keys()
    other.load_state_dict(one.state_dict())
    assert torch.equal(one.eval()(inputs), other.eval()(inputs))
    with pytest.raises(ValueError, match="expected"):
        one(torch.zeros(2, 4, 2, 2, 2, 2))


def test_a_momentum_that_moves_is_torchs_too() -> None:
    one, other = BatchNorm1d(3), nn.BatchNorm1d(3)
    for step in range(6):
        inputs = torch.randn(7, 3) + step
        one.momentum.fill_(step / 6)
        other.momentum = step / 6
        one(inputs), other(inputs)
    torch.testing.assert_close(one.running_mean, other.running_mean, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(one.running_var, other.running_var, rtol=1e-6, atol=1e-6)


def test_a_network_keeps_weights_statistics_and_names() -> None:
    network = net()
    network(images()[0])
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    parameters = list(network.parameters())
    found = with_tensor_momenta(network)
    assert [type(layer) for layer in found] == [BatchNorm2d, BatchNorm1d]
    assert float(found[0].momentum) == pytest.approx(0.3)
    assert all(one is other for one, other in zip(parameters, network.parameters(), strict=True))
    assert network.state_dict().keys() == state.keys()
    assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in state.items())


def test_torchs_own_update_bn_works_on_the_conducted_network() -> None:
    network, reference = net(), net()
    network[3].p = reference[3].p = 0.0
    with_tensor_momenta(network)
    for one in (network, reference):
        update_bn(images(4), one)
    torch.testing.assert_close(network.state_dict(), reference.state_dict())
    assert float(network[1].momentum) == pytest.approx(0.3)


def test_by_batch_is_training_mode_without_dropout() -> None:
    network = net()
    network[3].p = 0.0
    network[1].eval()  # as a frozen layer is
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    (inputs,) = images()
    found, running = by_batch(network, inputs), by_running(network, inputs)
    assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in state.items())
    assert [module.training for module in network] == [True, False, True, True, True, True]
    torch.testing.assert_close(running, network.eval()(inputs))
    torch.testing.assert_close(found, network.train()(inputs))


def test_the_log_tells_what_running_statistics_cost(tmp_path: Path) -> None:
    """With a momentum of 0 they stay those of the first weights: the gap and what is regained are large."""
    frozen = trainer(tmp_path, **{"voices.batchnorm.momentum": 0.0})
    assert "batchnorm/gap" not in frozen.metrics()
    frozen.advance(40)
    followed = trainer(tmp_path, **{"voices.batchnorm.momentum": 0.5})
    followed.advance(40)
    weights = [torch.cat([p.flatten() for p in one.network.parameters()]) for one in (frozen, followed)]
    assert torch.equal(*weights)
    gaps = [one.metrics()["batchnorm/gap"] for one in (frozen, followed)]
    assert gaps[0] > 0.2
    assert abs(gaps[1]) < gaps[0] / 2
    found = frozen.evaluate()
    assert found["evaluation/reestimated/accuracy"] > found["evaluation/accuracy"] + 0.1
    again = followed.evaluate()
    assert again["evaluation/reestimated/accuracy"] == found["evaluation/reestimated/accuracy"]
    assert again["evaluation/reestimated/accuracy"] > 0.5


def test_measuring_changes_nothing_of_the_training(tmp_path: Path) -> None:
    states = []
    for every in (0, 3):
        one = trainer(tmp_path, techniques=[{"name": "batchnorm", "batches": 0, "gap_every": every}])
        one.advance(30)
        states.append({name: tensor.clone() for name, tensor in one.network.state_dict().items()})
        assert "evaluation/reestimated/accuracy" not in one.evaluate()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_network_without_batchnorm_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="techniques.batchnorm: the network has no BatchNorm") as error:
        trainer(tmp_path, network={"network": "mlp"})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_numbers_stay_of_their_kind(dtype: torch.dtype) -> None:
    network = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4)).to(dtype)
    (norm,) = with_tensor_momenta(network)
    assert network(torch.randn(8, 2, dtype=dtype)).dtype == dtype
    assert norm.running_mean is not None
    assert norm.running_mean.dtype == dtype
    assert norm.running_mean.any()
