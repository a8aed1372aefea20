"""The federated trainer: it resumes bit for bit, is what the papers' formulas say, and survives bad clients."""

from __future__ import annotations

import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from lab.errors import UserError
from lab.federated.answer import Answer, Weights
from lab.federated.trainer import MEAN, TARGET, WORST, FederatedTrainer
from lab.training import checkpoints
from lab.training.restoring import restore

sys.path.insert(0, str(Path(__file__).parent))
from conftest import DIGITS, RING, Make, Tampered, gone, spoilt

KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "fedavg": (DIGITS, {}),
    "part of the clients": (DIGITS, {"federated.fraction_train": 0.4, "federated.clients": 10}),
    "offset, own periods": (DIGITS, {"federated.offsets": "spread", "federated.periods": [6, 4]}),
    "fedprox": (DIGITS, {"federated.proximal_mu": 0.5}),
    "fednova, momentum": (
        DIGITS,
        {
            "federated.normalise": True,
            "federated.server": {"name": "sgd", "momentum": 0.9},
            "federated.offsets": "spread",
        },
    ),
    "fedadam": (DIGITS, {"federated.server": "adam", "voices.server.lr": {"follow": "lr", "low": 0, "high": 0.02}}),
    "epochs, drawn": (
        DIGITS,
        {"federated.local_epochs": 0.5, "federated.samples": 100, "federated.partition": "dirichlet"},
    ),
    "techniques": (
        DIGITS,
        {
            "network": {"network": "cnn", "widths": [4], "hidden": [8], "dropout": 0.1},
            "techniques": ["dropout", "smoothing", {"name": "augmentation", "augmentations": ["translation"]}],
            "voices.dropout": {"follow": "lr", "relation": "anti_phase", "low": 0.0, "high": 0.5},
            "voices.smoothing": 0.1,
            "voices.augmentation.strength": 0.5,
        },
    ),
    "ring": (RING, {}),
    "ring, every voice": (
        RING,
        {
            "federated.offsets": "spread",
            "federated.proximal_mu": 0.1,
            "updates": "extragradient",
        },
    ),
}


def flat(trainer: FederatedTrainer) -> torch.Tensor:
    return torch.cat([t.double().flatten() for own in trainer.server.weights.values() for t in own.values()])


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_resumes_bit_for_bit(kind: str, make: Make, tmp_path: Path) -> None:
    base, changes = KINDS[kind]
    whole, cut = make(base, **changes), make(base, **changes)
    whole.advance(3)
    first = whole.evaluate()
    whole.advance(5)
    cut.advance(2)
    cut.advance(3)
    assert cut.evaluate() == first
    cut.advance(4)
    checkpoints.save(tmp_path / "c", cut.step, cut.state_dict(), {}, 1)
    again = make(base, **changes)
    restore(again, checkpoints.needed(tmp_path / "c").state, "it")
    again.advance(5)
    assert torch.equal(flat(again), flat(whole))
    assert again.metrics() == whole.metrics()
    assert again.evaluate() == whole.evaluate()
    other = make(base, **changes, seed=1)
    other.advance(5)
    assert not torch.equal(flat(other), flat(whole))


def test_one_client_with_all_data_is_plain_gradient_descent(make: Make) -> None:
    trainer = make(
        DIGITS, **{"federated.clients": 1, "federated.partition": "iid", "federated.local_steps": 1, "batch_size": 1437}
    )
    model = trainer.model.models()["network"]
    data = trainer.model.data
    parameters = [parameter.detach().clone().requires_grad_() for parameter in model.parameters()]
    names = [name for name, _ in model.named_parameters()]
    for step in range(8):
        inputs = data.inputs.float() / 127.5 - 1
        logits = torch.func.functional_call(model, dict(zip(names, parameters, strict=True)), inputs)
        gradients = torch.autograd.grad(functional.cross_entropy(logits, data.labels), parameters)
        rate = 0.2 * (1 + np.cos(2 * np.pi * step / 6))
        parameters = [(p - rate * g).detach().requires_grad_() for p, g in zip(parameters, gradients, strict=True)]
    trainer.advance(8)
    for name, parameter in zip(names, parameters, strict=True):
        assert torch.allclose(trainer.server.weights["network"][name], parameter, atol=1e-5)


def test_the_proximal_term_holds_clients_back(make: Make) -> None:
    moved = []
    for mu in (0.0, 1.0, 10.0):
        trainer = make(DIGITS, **{"federated.proximal_mu": mu, "federated.local_steps": 10, "voices.lr": 0.05})
        before = flat(trainer)
        trainer.advance(1)
        moved.append(float((flat(trainer) - before).norm()))
    assert moved[0] > moved[1] > moved[2] > 0


def test_the_proximal_term_is_that_of_the_paper(make: Make) -> None:
    """Two steps: the first has no pull, the second one of μ·(w₁ − w₀)."""
    client = {"federated.clients": 1, "federated.partition": "iid", "batch_size": 1437, "voices.lr": 0.1}
    one, two, pulled = (
        make(DIGITS, **client, **{"federated.local_steps": n, "federated.proximal_mu": mu})
        for n, mu in ((1, 0), (2, 0), (2, 0.7))
    )
    begun = flat(one)
    for trainer in (one, two, pulled):
        trainer.advance(1)
    expected = flat(two) - 0.1 * 0.7 * (flat(one) - begun)
    assert torch.allclose(flat(pulled), expected, atol=1e-6)


class Watch:
    """Lets everything through, and remembers by how much each client would have moved the weights."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.updates: dict[int, torch.Tensor] = {}
        self.moved: dict[int, float] = {}

    def replies(self, step: int, chosen: Any, weights: Weights) -> Any:
        for reply in self.inner.replies(step, chosen, weights):
            assert isinstance(reply, Answer)
            update = torch.cat(
                [
                    (t.double() - weights[n][k].double()).flatten()
                    for n, own in reply.weights.items()
                    for k, t in own.items()
                ]
            )
            self.updates[reply.client] = self.updates.get(reply.client, 0) + update
            self.moved[reply.client] = self.moved.get(reply.client, 0.0) + reply.moved["network"]
            yield reply

    def close(self) -> None:
        """Nothing."""


LINEAR = {
    **DIGITS,
    "network": {"network": "mlp", "hidden": []},
    "batch_size": 48,
    "federated": {"clients": 6, "partition": "shards", "local_steps": 2, "samples": 48},
}


def cycle(make: Make, size: float, offsets: Any, **changes: Any) -> tuple[Watch, torch.Tensor]:
    voice = {"wave": "cosine", "low": 0.0, "high": 2.0 * size}
    trainer = make(LINEAR, **{"voices.lr": voice, "federated.offsets": offsets, **changes})
    trainer.clients = watch = Watch(trainer.clients)
    begun = flat(trainer)
    trainer.advance(6)
    return watch, flat(trainer) - begun


def test_over_a_cycle_clients_weigh_alike_to_first_order_whatever_their_offset(make: Make) -> None:
    """A linear model: ∫lr of all clients is equal, and each moves by as much as in phase, up to O(lr²)."""
    apart = []
    for size in (1e-2, 1e-3):
        (still, _), (slid, _) = (cycle(make, size, offsets) for offsets in (0.0, "spread"))
        moved = list(slid.moved.values())
        assert moved == pytest.approx([moved[0]] * 6, rel=1e-9)
        assert moved[0] == pytest.approx(2 * 6 * size)  # two local steps in six rounds
        relative = [float((slid.updates[k] - still.updates[k]).norm() / still.updates[k].norm()) for k in range(6)]
        apart.append(max(relative))
    assert apart[1] < 0.02
    assert apart[0] / apart[1] == pytest.approx(10, rel=0.3)


def test_offsets_of_all_clients_alike_only_shift_time(make: Make) -> None:
    one = make(DIGITS, **{"federated.offsets": 0.5})
    other = make(DIGITS, **{"voices.lr.offset": 0.5})
    one.advance(4)
    other.advance(4)
    assert torch.equal(flat(one), flat(other))


def test_halves_of_the_clients_may_cycle_apart(make: Make) -> None:
    apart = {"voices.lr.odd": {"follow": "lr", "relation": "shifted", "offset": 0.5}}
    one, other = make(DIGITS, **apart), make(DIGITS, **{"federated.offsets": [0.0, 0.5]})
    one.advance(4)
    other.advance(4)
    assert torch.equal(flat(one), flat(other))


def test_memory_does_not_grow_with_the_number_of_clients(make: Make) -> None:
    peaks = []
    for clients in (1000, 100_000):
        tracemalloc.start()
        trainer = make(
            DIGITS,
            **{
                "federated.clients": clients,
                "federated.samples": 32,
                "federated.fraction_train": 10 / clients,
                "federated.offsets": "spread",
            },
        )
        trainer.advance(2)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert trainer.metrics()["clients/trained"] == 20
    assert peaks[1] < 1.02 * peaks[0]


def nan(tensor: torch.Tensor) -> torch.Tensor:
    return torch.full_like(tensor, float("nan"))


def understated(answer: Answer) -> Answer:
    """By FedNova it would count for the most."""
    return replace(answer, moved=dict.fromkeys(answer.moved, 1e-09))


def overstated(answer: Answer) -> Answer:
    """By its share of the samples it would count for more than it has."""
    return replace(answer, samples=answer.samples + 1)


FAULTS = {
    "samples": (overstated, "refused", ", and has "),
    "nan": (spoilt("readout.weight", nan), "refused", "network.readout.weight is not finite"),
    "shape": (spoilt("readout.bias", lambda t: t[:3]), "refused", "is float32[3] and not float32[10]"),
    "norm": (spoilt("readout.weight", lambda t: 1e6 * t), "refused", "times as long as the weights"),
    "gone": (gone, "dropped", "it hung up"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_bad_clients_are_told_and_change_nothing(fault: str, make: Make) -> None:
    change, kind, reason = FAULTS[fault]
    trainer, without = make(), make()
    trainer.clients = Tampered(trainer.clients, {1: change, 3: change})
    without.clients = Tampered(without.clients, {1: gone, 3: gone})
    trainer.advance(4)
    without.advance(4)
    assert torch.equal(flat(trainer), flat(without))
    row = trainer.metrics()
    assert (row["clients/trained"], row[f"clients/{kind}"]) == (12, 8)
    events = trainer.events
    assert [(e["kind"], e["client"], e["step"]) for e in events] == [
        (kind, k, step) for step in range(4) for k in (1, 3)
    ]
    assert all(reason in event["reason"] for event in events)
    assert trainer.evaluate()["evaluation/accuracy"] > 0.1


def test_where_updates_are_divided_by_it_a_client_cannot_make_up_the_sum_of_its_rates(make: Make) -> None:
    trainer, without = (make(DIGITS, **{"federated.normalise": True}) for _ in range(2))
    trainer.clients = Tampered(trainer.clients, {1: understated})
    without.clients = Tampered(without.clients, {1: gone})
    trainer.advance(1)
    without.advance(1)
    assert torch.equal(flat(trainer), flat(without))
    (event,) = trainer.events
    assert event["reason"].startswith("the sum of its learning rates of network is 1e-09, and that of its clock is ")


@pytest.mark.parametrize("base", [DIGITS, RING], ids=["classifier", "gan"])
def test_a_round_without_a_good_client_leaves_the_weights_and_says_so(base: dict[str, Any], make: Make) -> None:
    trainer = make(base)
    before = flat(trainer)
    trainer.clients = Tampered(trainer.clients, dict.fromkeys(range(5), gone))
    trainer.advance(2)
    assert torch.equal(flat(trainer), before)
    told = [event for event in trainer.events if event["kind"] == "no_update"]
    assert [event["step"] for event in told] == [0, 1]
    row = trainer.metrics()
    assert row["clients/trained"] == 0
    assert "train/loss" not in row


def test_clients_that_diverge_by_themselves_are_refused(make: Make) -> None:
    trainer = make(DIGITS, **{"voices.lr.odd": 1e30})
    trainer.advance(2)
    assert trainer.metrics()["clients/refused"] == 4  # two of five clients have odd numbers
    assert flat(trainer).isfinite().all()


def test_the_worst_client_is_the_one_whose_labels_are_known_least(make: Make) -> None:
    trainer = make()
    trainer.advance(5)
    row = trainer.evaluate()
    labels, recalls = trainer.local.labels, [row[f"evaluation/recall/{k}"] for k in range(10)]
    own = [np.mean([recalls[label] for label in labels[trainer.local.draw(client)]]) for client in range(5)]
    assert row[WORST] == pytest.approx(min(own))
    assert row[MEAN] == pytest.approx(np.mean(own))


def test_rounds_to_the_target_are_counted_until_it_is_reached(make: Make) -> None:
    trainer = make(DIGITS, **{"federated.target": 0.5, "federated.partition": "iid", "federated.local_steps": 20})
    counted, reached = [], None
    for step in range(1, 9):
        trainer.advance(step)
        row = trainer.evaluate()
        if reached is None and row["evaluation/accuracy"] >= 0.5:
            reached = step
        counted.append(row[TARGET])
    assert reached is not None
    assert counted == [min(step, reached) for step in range(1, 9)]


def test_the_ring_is_learned_by_clients_that_each_know_a_part_of_it(make: Make) -> None:
    trainer = make(RING)
    part = trainer.local.draw(0)
    assert len(np.unique(trainer.local.labels[part])) <= 4
    trainer.advance(2)
    assert set(trainer.server.weights) == {"generator", "discriminator"}
    assert {"evaluation/modes", "evaluation/good"} <= set(trainer.evaluate())


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "average": (
        DIGITS,
        {"techniques": ["average"], "voices.average.decay": 0.9},
        "techniques.average: it keeps a state",
    ),
    "tasks": (DIGITS, {"steps": 10, "tasks": {"name": "split", "number": 5}}, "tasks: clients have none"),
    "lookahead": (RING, {"lookahead": {}}, "lookahead: it keeps a state"),
    "ema": (RING, {"voices.ema.decay": 0.9}, "voices.ema.decay: no client keeps an average"),
    "clients": (DIGITS, {"federated.clients": 2000}, "leave client 1,437 without data"),
    "trainer": (DIGITS, {"federated.trainer": "rl"}, "'rl' cannot be trained by clients; accepted: gan, supervised"),
    "key": (DIGITS, {"federated.client": 3}, "federated.client: unknown key; did you mean 'clients'"),
    "inner key": (DIGITS, {"batchsize": 3}, "batchsize: unknown key"),
    "voice": (DIGITS, {"voices.lr.od": 1}, "voices.lr.od: no such voice"),
    "offsets": (DIGITS, {"federated.offsets": "all"}, "'all' is not accepted; a number of cycles, spread, or a list"),
    "periods": (
        DIGITS,
        {"clock": {"split": {"total": 12, "cycles": 2}}, "federated.periods": [3]},
        "federated.periods: they take the",
    ),
    "a later period": (
        DIGITS,
        {
            "federated.periods": [6, 4, 1],
            "voices.lr": {"wave": "cosine", "low": 0.0, "high": 1.0, "offset": 0.5, "mean": 0.1},
        },
        "federated.periods: 1: voices.lr.mean: 0.0 cannot be scaled",
    ),
    "nobody is odd": (
        DIGITS,
        {"federated.clients": 1, "voices.lr.odd": 0.1},
        "voices.lr.odd: no client has an odd number",
    ),
    "two corrections": (
        DIGITS,
        {"federated.normalise": True, "federated.proximal_mu": 0.1},
        "federated.normalise: with proximal_mu 0.1 updates are not in proportion",
    ),
    "nothing": ({"steps": 3, "clock": {"period": 3}, "voices": {}}, {}, "federated.trainer: missing"),
    "address": (
        DIGITS,
        {"federated.address": "127.0.0.1:9"},
        "federated.address: clients come to an address with engine: flower",
    ),
}


@pytest.mark.parametrize("word", REFUSED)
def test_a_mistake_is_one_line(word: str, make: Make) -> None:
    base, changes, message = REFUSED[word]
    with pytest.raises(UserError) as caught:
        make(base, **changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
