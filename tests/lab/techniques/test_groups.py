"""Groups of parameters: each has its own rate, and one whose rate is 0 does not move in any way."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import nn

from lab.errors import UserError
from lab.techniques.groups import REST, Groups, grouped, heights, rates


def network() -> nn.Sequential:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Linear(3, 5, bias=False), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU())
    return nn.Sequential(body, nn.Dropout(0.5), nn.Linear(4, 2))


BODY = {"body": ["0.*"], "head": ["2.*"]}


def moved(net: nn.Module, groups: Groups, optimizer: torch.optim.Optimizer, values: Mapping[str, float]) -> None:
    """One step of a quadratic loss."""
    net.train()
    groups.set(optimizer, values)
    optimizer.zero_grad(set_to_none=True)
    net(torch.randn(16, 3)).square().mean().backward()
    optimizer.step()


def test_rates_are_those_of_the_voices() -> None:
    values = {"lr": 1.0, "lr.body": 0.5, "gate.body": 0.5, "gate.head": 0.1}
    assert rates(["body", "head"], values) == {"body": 0.25, "head": 0.1, REST: 1.0}


def test_each_parameter_is_in_the_first_group_that_names_it() -> None:
    names = ["a.weight", "a.bias", "b.weight", "c.weight"]
    assert grouped(names, {"biases": ["*.bias"], "one": ["a.*", "b.*"]}) == {
        "a.weight": "one",
        "a.bias": "biases",
        "b.weight": "one",
        "c.weight": REST,
    }
    with pytest.raises(
        UserError, match=r"groups.one: 'd.\*' matches no parameter; there are a.weight, a.bias, b.weight"
    ):
        grouped(names, {"one": ["a.*", "d.*"]})
    with pytest.raises(UserError, match="groups.two: groups before it take all of its parameters"):
        grouped(names, {"one": ["a.*"], "two": ["a.bias"]})


def test_heights_count_layers_from_the_output() -> None:
    assert heights(network()) == {
        "0.0.weight": 2,
        "0.1.weight": 2,
        "0.1.bias": 2,
        "0.3.weight": 1,
        "0.3.bias": 1,
        "2.weight": 0,
        "2.bias": 0,
    }


def test_layer_decay_multiplies_the_rate_for_each_layer() -> None:
    """ULMFiT's factor 2.6, by the weights that SGD moves."""
    net = network()
    groups = Groups(net, layer_decay=1 / 2.6)
    optimizer = torch.optim.SGD(groups.options(), lr=0.0)
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    moved(net, groups, optimizer, {REST: 0.1})
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None
        wanted = before[name] - 0.1 / 2.6 ** heights(net)[name] * parameter.grad
        torch.testing.assert_close(parameter.detach(), wanted)


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_what_is_frozen_stays_and_then_goes_on(kind: str) -> None:
    """Weights, moments, weight decay and BatchNorm's statistics; in training mode too."""
    net = network()
    groups = Groups(net, BODY)
    optimizer: torch.optim.Optimizer
    if kind == "sgd":
        optimizer = torch.optim.SGD(groups.options(), lr=0.0, momentum=0.9, weight_decay=0.1)
    else:
        optimizer = torch.optim.AdamW(groups.options(), lr=0.0, weight_decay=0.1)
    moved(net, groups, optimizer, {"body": 0.01, "head": 0.01, REST: 0.0})

    def of(part: nn.Module) -> list[torch.Tensor]:
        own = [*part.state_dict().values(), *(m for p in part.parameters() for m in optimizer.state[p].values())]
        return [tensor.detach().clone() for tensor in own]

    body, head = of(net[0]), of(net[2])
    for _ in range(3):
        moved(net, groups, optimizer, {"body": 0.0, "head": 0.01, REST: 0.0})
    assert all(torch.equal(*pair) for pair in zip(body, of(net[0]), strict=True))
    assert not any(torch.equal(*pair) for pair in zip(head, of(net[2]), strict=True))
    assert net[1].training
    moved(net, groups, optimizer, {"body": 0.01, "head": 0.01, REST: 0.0})
    assert not any(torch.equal(*pair) for pair in zip(body, of(net[0]), strict=True))


def test_a_frozen_batchnorm_normalises_by_what_it_knows() -> None:
    net = network()
    groups = Groups(net, BODY)
    optimizer = torch.optim.SGD(groups.options(), lr=0.0)
    net.train()
    groups.set(optimizer, {"body": 0.0, "head": 0.1, REST: 0.0})
    inputs = torch.randn(16, 3)
    torch.testing.assert_close(net[0](inputs), network().eval()[0](inputs))
    groups.set(optimizer, {"body": 0.1, "head": 0.1, REST: 0.0})
    assert net[0][1].training


def test_no_gradient_is_computed_below_what_is_frozen() -> None:
    net = network()
    groups = Groups(net, BODY)
    groups.set(torch.optim.SGD(groups.options(), lr=0.0), {"body": 0.0, "head": 0.1, REST: 0.0})
    assert not net[0](torch.randn(4, 3)).requires_grad


def test_what_was_never_to_be_trained_is_not_thawed() -> None:
    net = network()
    net[0][0].weight.requires_grad_(False)
    groups = Groups(net, BODY)
    optimizer = torch.optim.SGD(groups.options(), lr=0.0)
    for rate in (0.0, 0.1):
        groups.set(optimizer, {"body": rate, "head": 0.1, REST: 0.0})
    assert not net[0][0].weight.requires_grad
    assert net[0][3].weight.requires_grad
