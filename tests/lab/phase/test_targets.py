"""Targets set what they name, in place where it is a tensor, and refuse names that do not exist."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from lab.phase import PhaseError, targets


def network() -> nn.Sequential:
    inner = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.2), nn.BatchNorm1d(2))
    return nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1), inner)


def adam(**options: Any) -> torch.optim.Adam:
    one, two = (nn.Parameter(torch.ones(2)) for _ in range(2))
    return torch.optim.Adam([{"params": [one]}, {"params": [two], "weight_decay": 0.5}], **options)


def test_all_parameter_groups_or_one_of_them() -> None:
    optimizer = adam(lr=1.0)
    targets.param_group(optimizer, "lr")(0.25)
    targets.param_group(optimizer, "weight_decay", group=1)(0.125)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0, 0.125]


def test_an_integer_default_can_be_scheduled() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1)
    targets.param_group(optimizer, "momentum")(0.9)
    assert optimizer.param_groups[0]["momentum"] == 0.9


def test_one_of_several_betas() -> None:
    optimizer = adam(betas=(0.5, 0.9))
    targets.param_group(optimizer, "betas.1")(0.75)
    assert all(group["betas"] == (0.5, 0.75) for group in optimizer.param_groups)


def test_a_tensor_learning_rate_is_filled_in_place() -> None:
    optimizer = adam(lr=torch.tensor(1.0))
    rate = optimizer.param_groups[0]["lr"]
    targets.param_group(optimizer, "lr")(0.5)
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == 0.5


def test_a_target_survives_the_loading_of_the_optimisers_state() -> None:
    optimizer = adam()
    target = targets.param_group(optimizer, "lr")
    optimizer.load_state_dict(optimizer.state_dict())  # torch replaces the list of groups
    target(0.5)
    assert optimizer.param_groups[0]["lr"] == 0.5


def test_groups_added_later_are_set_too() -> None:
    optimizer = adam()
    target = targets.param_group(optimizer, "lr")
    optimizer.add_param_group({"params": [nn.Parameter(torch.ones(1))]})
    target(0.5)
    assert optimizer.param_groups[2]["lr"] == 0.5


@pytest.mark.parametrize(("key", "hint"), [("learning_rate", ""), ("weight_decy", "did you mean 'weight_decay'?")])
def test_a_key_the_optimiser_never_reads_is_an_error_never_a_no_op(key: str, hint: str) -> None:
    optimizer = adam()
    for group in optimizer.param_groups:
        group[key] = 1.0  # being in the group is not enough: the optimiser must read it
    with pytest.raises(PhaseError, match=f"Adam parameter group: unknown '{key}'") as refused:
        targets.param_group(optimizer, key)
    assert hint in str(refused.value)
    assert "accepted: lr, eps, weight_decay" in str(refused.value)


@pytest.mark.parametrize("key", ["amsgrad", "foreach", "betas", "betas.2", "lr.0", "betas.x"])
def test_an_option_that_is_no_number_is_refused(key: str) -> None:
    with pytest.raises(PhaseError, match=f"unknown '{key}'"):
        targets.param_group(adam(), key)


@pytest.mark.parametrize("group", [2, -1, True, 1.5])
def test_a_group_that_does_not_exist_is_refused(group: Any) -> None:
    with pytest.raises(PhaseError, match=f"group: {group} is not accepted; expected None or an index below 2"):
        targets.param_group(adam(), "lr", group=group)


def test_modules_by_type_by_several_types_by_name_and_by_pattern() -> None:
    net = network()
    targets.modules(net, nn.Dropout, "p")(0.5)
    assert (net[1].p, net[2][1].p) == (0.5, 0.5)
    targets.modules(net, "2.1", "p")(0.25)
    assert (net[1].p, net[2][1].p) == (0.5, 0.25)
    targets.modules(net, "*.1", "p")(0.75)
    assert (net[1].p, net[2][1].p) == (0.5, 0.75)
    targets.modules(net, (nn.BatchNorm1d, nn.BatchNorm2d), "momentum")(0.01)
    assert net[2][2].momentum == 0.01


@pytest.mark.parametrize(
    ("select", "attribute", "message"),
    [
        (nn.Dropout2d, "p", "module type: unknown 'Dropout2d' (did you mean 'Dropout'?); accepted: "),
        ("2.l", "p", "module: unknown '2.l'"),
        (nn.Dropout, "rate", "Dropout.rate: unknown 'rate'; accepted: p"),
        (nn.Dropout, "inplace", "Dropout.inplace: False is not accepted; expected an attribute that holds a number"),
        ((nn.Conv1d, nn.Conv2d), "p", "module type: unknown 'Conv1d/Conv2d'"),
    ],
)
def test_modules_that_do_not_exist_are_an_error_never_a_no_op(select: Any, attribute: str, message: str) -> None:
    with pytest.raises(PhaseError) as refused:
        targets.modules(network(), select, attribute)
    assert message in str(refused.value)


def test_attribute_paths_through_attributes_keys_and_indices() -> None:
    root = SimpleNamespace(model=SimpleNamespace(ent_coef=0.1), options={"heads": [1.0, 2.0]}, buffer=torch.zeros(2))
    targets.attribute(root, "model.ent_coef")(0.5)
    targets.attribute(root, "options.heads.1")(5.0)
    kept = root.buffer
    targets.attribute(root, "buffer")(3.0)
    assert (root.model.ent_coef, root.options["heads"]) == (0.5, [1.0, 5.0])
    assert root.buffer is kept
    assert kept.tolist() == [3.0, 3.0]


def test_an_attribute_path_is_followed_anew_at_each_value() -> None:
    root = SimpleNamespace(model=SimpleNamespace(scale=1.0))
    target = targets.attribute(root, "model.scale")
    root.model = SimpleNamespace(scale=2.0)
    target(7.0)
    assert root.model.scale == 7.0


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("model.ent_coeff", "model.ent_coeff: unknown 'ent_coeff' (did you mean 'ent_coef'?); accepted: ent_coef"),
        ("mdel.ent_coef", "mdel: unknown 'mdel'"),
        ("options.feet", "options.feet: unknown 'feet'; accepted: heads"),
        ("options.heads.2", "options.heads.2: '2' is not accepted; expected an index below 2"),
        ("options.heads.first", "options.heads.first: 'first'"),
        ("model", "model: namespace(ent_coef=0.1) is not accepted; expected an attribute that holds a number"),
        ("flag", "flag: True"),
    ],
)
def test_an_attribute_path_that_does_not_exist_is_refused(path: str, message: str) -> None:
    root = SimpleNamespace(model=SimpleNamespace(ent_coef=0.1), options={"heads": [1.0, 2.0]}, flag=True)
    with pytest.raises(PhaseError) as refused:
        targets.attribute(root, path)
    assert message in str(refused.value)


def test_a_modules_buffer_is_filled_in_place_after_the_module_moved() -> None:
    net = nn.Module()
    net.register_buffer("weight", torch.zeros(()))
    target = targets.attribute(net, "weight")
    net.to(torch.float64)
    target(0.5)
    assert net.weight.item() == 0.5
    assert net.weight.dtype == torch.float64


def test_callables_and_buffers() -> None:
    heard: list[float] = []
    targets.call(heard.append)(0.5)
    tensor = torch.zeros(3)
    targets.buffer(tensor)(2.0)
    leaf = nn.Parameter(torch.zeros(2))
    targets.buffer(leaf)(1.0)  # outside autograd
    assert heard == [0.5]
    assert tensor.tolist() == [2.0, 2.0, 2.0]
    assert leaf.tolist() == [1.0, 1.0]
    with pytest.raises(PhaseError, match="function: 3"):
        targets.call(3)  # type: ignore[arg-type]
    with pytest.raises(PhaseError, match="expected a floating-point tensor"):
        targets.buffer(torch.zeros(2, dtype=torch.int64))


@pytest.mark.slow
def test_a_buffer_does_not_recompile_at_every_value_as_an_attribute_does() -> None:
    compiled = 0

    def count(graph: torch.fx.GraphModule, inputs: Any) -> Any:
        nonlocal compiled
        compiled += 1
        return graph.forward

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("scale", torch.ones(()))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * self.scale

    net = Scaled()
    target, run = targets.attribute(net, "scale"), torch.compile(net, backend=count)
    for value in (0.5, 0.25, 0.125, 0.75):
        target(value)
        assert run(torch.ones(2)).tolist() == [value, value]
    assert compiled == 1


class Computed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.log = nn.Parameter(torch.zeros(1))

    @property
    def scale(self) -> torch.Tensor:
        return self.log.exp()

    @property
    def gain(self) -> float:
        return 2.0


@dataclass(frozen=True)
class Frozen:
    rate: float = 1.0


@pytest.mark.parametrize(
    ("root", "name", "said"),
    [
        (Computed(), "scale", "a tensor that is kept; this one is computed anew whenever it is read"),
        (nn.utils.parametrizations.spectral_norm(nn.Linear(2, 2)), "weight", "a tensor that is kept"),
        (Computed(), "gain", "an attribute that can be set"),
        (Frozen(), "rate", "an attribute that can be set"),
    ],
)
def test_what_would_keep_its_value_is_refused_at_once(root: Any, name: str, said: str) -> None:
    for path, owner in ((name, root), (f"part.{name}", SimpleNamespace(part=root))):
        with pytest.raises(PhaseError, match=said):
            targets.attribute(owner, path)
    if isinstance(root, Computed):
        with pytest.raises(PhaseError, match=said):
            targets.modules(nn.Sequential(root), Computed, name)
