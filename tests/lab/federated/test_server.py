"""The server: averages as the papers write them, moves as torch's optimisers do, and refuses what is no update."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lab.federated.answer import Absence, Answer, refusal
from lab.federated.server import Server, floating
from lab.federated.servers import AdamServer, ServerPart, SgdServer


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def server(part: ServerPart | None = None, normalise: bool = False, limit: float = 10.0) -> Server:
    return Server({"network": network()}, part or SgdServer(), normalise, limit)


def answer(client: int, samples: int = 10, moved: float = 1.0, scale: float = 0.1) -> Answer:
    random = torch.Generator().manual_seed(client)
    begun = floating(network())
    weights = {k: t + scale * torch.randn(t.shape, generator=random) for k, t in begun.items()}
    weights["1.running_var"].abs_()
    return Answer(client, samples, {"network": moved}, {"network": weights}, {"loss": float(client)})


def vector(weights: Any) -> Tensor:
    return torch.cat([tensor.double().flatten() for tensor in weights["network"].values()])


def moves(own: Server, answers: list[Answer], rate: float = 1.0) -> tuple[Tensor, Tensor]:
    """What the server's weights moved by, and the clients' updates, [clients, numbers]."""
    begun = vector(own.weights).clone()
    updates = torch.stack([vector(each.weights) - begun for each in answers])
    own.round(answers, rate)
    return vector(own.weights) - begun, updates


def test_fedavg_is_the_mean_weighed_by_samples() -> None:
    answers = [answer(0, 10), answer(1, 30), answer(2, 60)]
    moved, updates = moves(server(), answers)
    assert torch.allclose(moved, torch.tensor([0.1, 0.3, 0.6]).double() @ updates, atol=1e-7)


def test_fednova_weighs_directions_and_multiplies_by_the_mean_of_the_rates() -> None:
    answers = [answer(0, 10, moved=0.5), answer(1, 30, moved=2.0), answer(2, 60, moved=0.1)]
    own = server(normalise=True)
    trained = torch.cat([torch.full((t.numel(),), "running" not in k) for k, t in own.weights["network"].items()])
    moved, updates = moves(own, answers)
    p, a = torch.tensor([0.1, 0.3, 0.6]).double(), torch.tensor([0.5, 2.0, 0.1]).double()
    normalised, plain = (p @ a) * ((p / a) @ updates), p @ updates
    assert torch.allclose(moved, torch.where(trained, normalised, plain), atol=1e-6)
    assert not torch.allclose(normalised, plain, atol=1e-2)


def test_fednova_is_fedavg_where_all_rates_are_alike() -> None:
    answers = [answer(0, 10, moved=0.3), answer(1, 30, moved=0.3)]
    one, _ = moves(server(normalise=True), answers)
    other, _ = moves(server(), answers)
    assert torch.allclose(one, other, atol=1e-7)


def test_a_client_that_moved_by_nothing_has_no_direction() -> None:
    still = replace(answer(1, 30, moved=0.0, scale=0.0))
    one, updates = moves(server(normalise=True), [answer(0, 10, moved=0.4), still])
    assert torch.allclose(one, 0.25 * updates[0], atol=1e-6)
    nothing, _ = moves(server(normalise=True), [still])
    assert not nothing.any()


@pytest.mark.parametrize("part", [SgdServer(), SgdServer(momentum=0.9), AdamServer()])
def test_the_server_moves_as_torch_would(part: ServerPart) -> None:
    own = server(part)
    names = [key for key, _ in network().named_parameters()]
    theirs = [nn.Parameter(own.weights["network"][name].clone()) for name in names]
    optimizer = part.build(theirs)
    for turn, rate in enumerate((1.0, 0.5, 0.25)):
        answers = [answer(7 + turn), answer(20 + turn)]
        for name, parameter in zip(names, theirs, strict=True):
            mean = sum(each.weights["network"][name].double() - parameter.detach().double() for each in answers) / 2
            parameter.grad = -mean.float()
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        own.round(answers, rate)
        for name, parameter in zip(names, theirs, strict=True):
            assert torch.allclose(own.weights["network"][name], parameter, atol=1e-6)


def test_running_statistics_are_averaged_whatever_the_rate() -> None:
    own, answers = server(), [answer(0, 10), answer(1, 30)]
    own.round(answers, rate=0.0)
    for name in ("1.running_mean", "1.running_var"):
        mean = sum(p * each.weights["network"][name] for p, each in zip((0.25, 0.75), answers, strict=True))
        assert torch.allclose(own.weights["network"][name], mean, atol=1e-6)
    assert torch.equal(own.weights["network"]["0.weight"], floating(network())["0.weight"])


def test_what_clients_measured_is_weighed_as_their_updates() -> None:
    found = server().round([answer(1, 10), answer(4, 30)], 1.0).found
    assert found["loss"] == pytest.approx(0.25 * 1 + 0.75 * 4)


def test_what_some_clients_did_not_measure_is_the_mean_of_those_that_did() -> None:
    silent, endless = replace(answer(2, 30), found={}), replace(answer(3, 50), found={"loss": np.inf})
    assert server().round([answer(1, 10), silent, endless, answer(4, 30)], 1.0).found["loss"] == 0.25 * 1 + 0.75 * 4


def changed(name: str, tensor: Tensor | None) -> Answer:
    good = answer(5)
    weights = {key: value for key, value in good.weights["network"].items() if key != name or tensor is not None}
    return replace(good, weights={"network": weights if tensor is None else {**weights, name: tensor}})


BAD = {
    "nan": (changed("0.weight", torch.full((4, 3), np.nan)), "network.0.weight is not finite"),
    "infinite": (changed("2.bias", torch.full((2,), np.inf)), "network.2.bias is not finite"),
    "shape": (changed("0.weight", torch.zeros(4, 2)), r"network.0.weight is float32[4, 2] and not float32[4, 3]"),
    "type": (changed("0.bias", torch.zeros(4).double()), r"network.0.bias is float64[4] and not float32[4]"),
    "missing": (changed("0.bias", None), "network.0.bias is absent and not float32[4]"),
    "more": (changed("0.extra", torch.zeros(1)), "network.0.extra is float32[1] and not absent"),
    "other network": (replace(answer(5), weights={"generator": {}}), "is absent and not"),
    "norm": (changed("0.weight", torch.full((4, 3), 1e9)), "times as long as the weights"),
    "overflowing norm": (changed("0.weight", torch.full((4, 3), 3e38)), "times as long as the weights"),
    "variance": (changed("1.running_var", torch.full((4,), -0.1)), "network.1.running_var is negative"),
    "samples": (replace(answer(5), samples=0), "it learned from 0 samples"),
    "rates": (
        replace(answer(5), moved={"network": np.nan}),
        "the sum of its learning rates of network is not a number",
    ),
    "no rates": (replace(answer(5), moved={}), "the sum of its learning rates of network is not a number"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_answers_are_refused_with_a_reason_and_count_for_nothing(kind: str) -> None:
    bad, reason = BAD[kind]
    found = refusal(bad, server().weights, 10.0)
    assert found is not None
    assert reason in found
    one, other = server(), server()
    outcome = one.round([answer(0), bad, answer(1)], 1.0)
    other.round([answer(0), answer(1)], 1.0)
    assert outcome.refused == {5: found}
    assert outcome.taken == [0, 1]
    assert torch.equal(vector(one.weights), vector(other.weights))


@pytest.mark.parametrize("part", [SgdServer(momentum=0.9), AdamServer()])
def test_a_round_without_a_good_client_leaves_everything_as_it_is(part: ServerPart) -> None:
    own = server(part)
    own.round([answer(0)], 1.0)
    before, moments = vector(own.weights).clone(), str(own.state_dict())
    outcome = own.round([BAD["nan"][0], Absence(3, "gone")], 1.0)
    assert torch.equal(vector(own.weights), before)
    assert str(own.state_dict()) == moments
    assert (outcome.taken, outcome.dropped, list(outcome.refused)) == ([], {3: "gone"}, [5])


def test_the_limit_of_the_norm_is_a_setting() -> None:
    large = answer(0, scale=20.0)
    assert server(limit=1e6).round([large], 1.0).taken == [0]
    assert not server(limit=10.0).round([large], 1.0).taken
