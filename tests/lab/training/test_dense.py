"""Dense layers by oneDNN: torch's own results, and its gradients, first and second, wherever they are asked for."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from lab.training import dense as module
from lab.training.dense import Dense, dense, quicken

pytestmark = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch was built without oneDNN")

SAMPLES = 64


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here every product counts as large, and every processor gains."""
    monkeypatch.setattr(module, "LEAST", 0)
    monkeypatch.setattr(module, "gains", lambda: True)


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    """The sizes of all products that oneDNN was given."""
    seen: list[tuple[int, int, int]] = []
    own = module._product

    def noted(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        seen.append((*inputs.shape, weight.shape[0]))
        return own(inputs, weight, bias)

    monkeypatch.setattr(module, "_product", noted)
    return seen


def pair() -> tuple[nn.Module, nn.Module, Tensor]:
    """Equal networks, one of torch's layers and one of ours, and their input."""
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Linear(30, 20), nn.Tanh(), nn.Linear(20, 12, bias=False), nn.Tanh(), nn.Linear(12, 3))
    return plain, quicken(copy.deepcopy(plain)), torch.randn(SAMPLES, 30)


def assert_close(found: Iterator[Tensor] | tuple[Tensor, ...], wanted: Iterator[Tensor] | tuple[Tensor, ...]) -> None:
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_outputs_and_gradients_are_those_of_torch(products: list[tuple[int, int, int]]) -> None:
    plain, quick, inputs = pair()
    torch.testing.assert_close(quick(inputs), plain(inputs))
    with torch.no_grad():
        torch.testing.assert_close(quick(inputs), plain(inputs))
    assert len(products) == 6
    for network in (plain, quick):
        network(inputs).square().sum().backward()
    assert_close((p.grad for p in quick.parameters()), (p.grad for p in plain.parameters()))  # type: ignore[misc]
    assert all(p.grad.is_contiguous() for p in quick.parameters())  # type: ignore[union-attr]
    assert len(products) == 6 + 3 + 5  # outputs; of three weights and of two layers' inputs


@pytest.mark.parametrize("of", ["expanded", "transposed", "strided"])
def test_tensors_of_any_layout_are_taken(of: str) -> None:
    torch.manual_seed(0)
    weight, bias = torch.randn(20, 30, requires_grad=True), torch.randn(20, requires_grad=True)
    inputs, gradient = {
        "expanded": (torch.randn(1, 30).expand(SAMPLES, 30), torch.ones(1, 1).expand(SAMPLES, 20)),
        "transposed": (torch.randn(30, SAMPLES).t(), torch.randn(20, SAMPLES).t()),
        "strided": (torch.randn(2 * SAMPLES, 60)[::2, ::2], torch.randn(2 * SAMPLES, 40)[::2, ::2]),
    }[of]
    inputs.requires_grad_()
    both = [function(inputs, weight, bias) for function in (dense, nn.functional.linear)]
    assert_close(*(torch.autograd.grad(each, (inputs, weight, bias), gradient) for each in both))


def test_a_gradient_that_is_differentiated_again_is_right() -> None:
    """As R1 asks for it."""
    found = []
    plain, quick, inputs = pair()
    for network in (plain, quick):
        own = inputs.clone().requires_grad_()
        outputs = network(own)
        (slope,) = torch.autograd.grad(outputs.sum(), own, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum() + outputs.sum(), list(network.parameters())))
    assert_close(found[1], found[0])


def test_weights_whose_gradients_nobody_asks_for_cost_no_product(products: list[tuple[int, int, int]]) -> None:
    """As those of a critic through which only the actor is moved."""
    _, quick, inputs = pair()
    actor = torch.ones(30, requires_grad=True)
    outputs = quick(inputs * actor)
    products.clear()
    outputs.sum().backward(inputs=[actor])
    assert len(products) == 3  # of the layers' inputs
    assert all(p.grad is None for p in quick.parameters())


def test_what_another_part_of_torch_treats_is_left_to_torch(products: list[tuple[int, int, int]]) -> None:
    plain, quick, inputs = pair()
    with torch.autocast("cpu", torch.bfloat16):
        assert quick(inputs).dtype is torch.bfloat16
    each = torch.func.vmap(torch.func.grad(lambda one: quick(one[None]).sum()))(inputs)
    torch.testing.assert_close(each, torch.func.vmap(torch.func.grad(lambda one: plain(one[None]).sum()))(inputs))
    torch.testing.assert_close(quick.double()(inputs.double()), plain.double()(inputs.double()))
    assert quick(inputs.double().view(2, -1, 30)).shape == (2, SAMPLES // 2, 3)
    assert not products


def test_names_and_state_stay_and_layers_of_other_classes_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(nn.Linear):
        pass

    network = nn.ModuleDict({"a": nn.Linear(2, 3), "b": Own(2, 3), "c": nn.Bilinear(2, 2, 1)})
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert quicken(network) is network
    assert [type(layer) for layer in network.values()] == [Dense, Own, nn.Bilinear]
    assert_close(iter(network.state_dict().values()), iter(before.values()))
    assert list(network.state_dict()) == list(before)
    monkeypatch.setattr(module, "gains", lambda: False)
    assert type(quicken(nn.Linear(2, 3))) is nn.Linear


def test_small_products_go_the_short_way(monkeypatch: pytest.MonkeyPatch, products: list[tuple[int, int, int]]) -> None:
    _, quick, inputs = pair()
    monkeypatch.setattr(module, "LEAST", SAMPLES * 20 * 12 + 1)
    quick(inputs)
    assert products == [(SAMPLES, 30, 20)]
