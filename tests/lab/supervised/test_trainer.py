"""The classifier's trainer: it learns, its scores are those of scikit-learn, and it resumes bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn_metrics

from lab.errors import UserError
from lab.supervised import metrics
from lab.supervised.config import SupervisedConfig
from lab.supervised.trainer import SupervisedTrainer
from lab.techniques import TECHNIQUES
from lab.training import checkpoints
from lab.training.config import resolve
from lab.training.trainer import Context

BASE: dict[str, Any] = {
    "steps": 40,
    "data": {"name": "digits"},
    "network": {"network": "mlp", "hidden": [32]},
    "batch_size": 32,
    "clock": {"period": 16},
    "voices": {"lr": {"wave": "cosine", "low": 1e-4, "high": 3e-3}},
}
WITH: dict[str, dict[str, Any]] = {
    "average": {"techniques": ["average"], "voices.average.decay": 0.9},
    "weight_decay": {
        "techniques": [{"name": "weight_decay", "power": 2}],
        "voices.weight_decay": {"follow": "lr", "relation": "anti_phase", "low": 0.0, "high": 5.0},
    },
    "dropout": {
        "techniques": ["dropout"],
        "voices.dropout": {"follow": "lr", "relation": "anti_phase", "low": 0.0, "high": 0.5},
    },
    "augmentation": {
        "techniques": [{"name": "augmentation", "augmentations": ["color", "translation", "cutout", "flip"]}],
        "voices.augmentation.strength": {"follow": "lr", "relation": "quadrature", "low": 0.0, "high": 1.0},
    },
    "smoothing": {
        "techniques": ["smoothing"],
        "voices.smoothing": {"follow": "lr", "low": 0.0, "high": 0.2},
    },
    "batchnorm": {
        "network": {"network": "cnn", "widths": [4, 8], "hidden": [16], "dropout": 0.2},
        "techniques": [{"name": "batchnorm", "batches": 2, "gap_every": 5}],
        "voices.batchnorm.momentum": {"follow": "lr", "relation": "anti_phase", "low": 0.01, "high": 0.5},
    },
    "snapshots": {"techniques": [{"name": "snapshots", "size": 4}], "clock": {"period": 8}},
    "swa": {"techniques": ["swa"]},
    "reset": {"techniques": ["reset", {"name": "snapshots", "of": "clock"}]},
    "sparsity": {
        "techniques": ["average", {"name": "sparsity", "drop_at": "trough", "grow_at": [0.25, 0.75], "of": "lr"}],
        "voices.sparsity": {"wave": "cosine", "low": 0.7, "high": 0.9, "clock": {"period": 24}},
        "voices.average.decay": 0.9,
    },
    "rehearsal": {
        "techniques": [{"name": "rehearsal", "buffer_size": 100}],
        "voices.rehearsal.share": {"wave": "pulse", "low": 0.01, "high": 1.7},
    },
    "focal": {
        "techniques": ["focal"],
        "voices.focal.gamma": {"follow": "lr", "relation": "anti_phase", "low": 0, "high": 2},
    },
    "class_weights": {
        "techniques": ["class_weights"],
        "imbalance": 10,
        "label_noise": 0.1,
        "voices.class_weights.strength": {"follow": "lr", "relation": "anti_phase", "low": 0, "high": 1},
    },
    "logit_adjustment": {
        "techniques": [{"name": "logit_adjustment", "form": "post_hoc"}],
        "imbalance": 10,
        "voices.logit_adjustment.tau": {"follow": "lr", "relation": "anti_phase", "low": 0.5, "high": 1.5},
    },
    "plateau": {
        "techniques": [{"name": "plateau", "every": 3, "patience": 0, "threshold": 0.2, "length": 9}],
        "voices.lr": {"follow": "plateau", "relation": "in_phase", "low": 1e-4, "high": 3e-3},
    },
}
"""Of each technique a configuration that uses it: what it changes in ``BASE``. A new technique is added here."""
TASKS: dict[str, dict[str, Any]] = {
    "split": {"tasks": {"name": "split", "number": 5, "watch_every": 3}},
    "task-incremental": {"tasks": {"name": "split", "classes": 5, "incremental": "task", "shuffled": True}},
    "permuted": {"tasks": {"name": "permuted", "number": 2, "watch_every": 3}},
    "joint": {"tasks": {"name": "permuted", "number": 2, "joint": True}},
    "rehearsed": {
        "tasks": {"name": "split", "number": 5},
        "techniques": [{"name": "rehearsal", "buffer_size": 40}],
        "voices.rehearsal.share": {"wave": "cosine", "low": 0.0, "high": 0.9},
    },
}
"""Ways of learning the data as tasks."""
CNN = {"network": "cnn", "widths": [4, 8], "hidden": [16], "dropout": 0.2}
LATE = {"wave": "square", "inverted": True, "low": 0.0, "high": 1.0, "clock": {"period": 36, "cycles": 1}}
"""0 for 18 steps, then 1."""
LAYERED: dict[str, Any] = {
    "network": CNN,
    "techniques": ["dropout", "batchnorm", {"name": "average", "update_bn": 2}, "swa"],
    "voices.dropout": {"follow": "lr", "relation": "anti_phase", "low": 0.0, "high": 0.5},
    "voices.batchnorm.momentum": {"follow": "lr", "low": 0.01, "high": 0.5},
}
THAWED: dict[str, Any] = {
    "network": CNN,
    "groups": {"body": ["body.*"], "head": ["readout.*"]},
    "layer_decay": 0.5,
    "voices": {"lr": BASE["voices"]["lr"], "lr.body": {"follow": "lr", "high": 1e-3}, "gate.body": LATE},
}
SETTINGS: dict[str, dict[str, Any]] = {
    "layer_decay": {"layer_decay": 0.5},
    "thawed": THAWED,
    "layers that were replaced": LAYERED,
    "thawed-sgd": {**THAWED, "optimizer": {"name": "sgd"}},
    "few": {"train_samples": 50, "validation": 100, "data": {"name": "digits", "classes": [7, 1, 3]}},
}
"""The same of settings that are no techniques."""


def trainer(tmp_path: Path, **changes: Any) -> SupervisedTrainer:
    config = resolve(SupervisedConfig, BASE, changes)
    return SupervisedTrainer(config, Context(torch.device("cpu"), tmp_path, tmp_path, lambda *a, **k: None))


def flat(tree: Any, place: str = "") -> dict[str, Any]:
    """The leaves of a state."""
    if isinstance(tree, dict):
        return {key: leaf for name, value in tree.items() for key, leaf in flat(value, f"{place}/{name}").items()}
    if isinstance(tree, list | tuple):
        return flat(dict(enumerate(tree)), place)
    return {place: tree}


def same(one: Any, other: Any) -> bool:
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else bool(np.all(one == other))


def test_every_technique_is_tried() -> None:
    assert set(WITH) == set(TECHNIQUES.listed)


@pytest.mark.parametrize("word", [None, *WITH, *TASKS, *SETTINGS])
@pytest.mark.parametrize("at", [13, 24])
def test_a_run_resumes_bit_for_bit(word: str | None, at: int, tmp_path: Path) -> None:
    changes = {**WITH, **TASKS, **SETTINGS}[word] if word else {}
    whole = trainer(tmp_path, **changes)
    whole.advance(at)
    checkpoints.save(tmp_path / "checkpoints", at, whole.state_dict(), {})
    whole.advance(40)
    again = trainer(tmp_path, **changes)
    _, state = checkpoints.load_newest(tmp_path / "checkpoints")
    again.load_state_dict(state)
    torch.rand(7)  # what others draw from the global generator changes nothing
    again.advance(29)
    again.evaluate()
    again.advance(40)
    one, other = flat(whole.state_dict()), flat(again.state_dict())
    assert one.keys() == other.keys()
    assert [key for key in one if not same(one[key], other[key])] == []
    assert whole.metrics() == again.metrics()
    assert whole.evaluate() == again.evaluate()


@pytest.mark.parametrize("word", list(WITH))
def test_a_technique_changes_what_it_says(word: str, tmp_path: Path) -> None:
    """Each either changes how the network learns or adds something that is scored."""
    plain, with_it = trainer(tmp_path), trainer(tmp_path, **WITH[word])
    plain.advance(40)
    with_it.advance(40)
    weights = [torch.cat([p.flatten() for p in t.network.parameters()]) for t in (plain, with_it)]
    same_weights = weights[0].shape == weights[1].shape and torch.equal(*weights)
    assert not same_weights or set(with_it.evaluate()) > set(plain.evaluate())


def test_digits_are_learned(tmp_path: Path) -> None:
    trained = trainer(tmp_path, steps=600)
    assert trained.evaluate()["evaluation/accuracy"] < 0.3
    trained.advance(600)
    assert trained.evaluate()["evaluation/accuracy"] > 0.9


def test_another_seed_learns_otherwise_and_the_same_seed_alike(tmp_path: Path) -> None:
    rows = []
    for seed in (0, 0, 1):
        one = trainer(tmp_path, seed=seed)
        one.advance(20)
        rows.append(one.metrics())
    assert rows[0] == rows[1] != rows[2]


def test_held_out_samples_are_not_learned_from(tmp_path: Path) -> None:
    whole, some = trainer(tmp_path), trainer(tmp_path, validation=100)
    assert len(some.data.test_labels) == 100
    assert len(some.data.labels) + 100 == len(whole.data.labels)
    with pytest.raises(UserError, match="validation: 5000 is not accepted; below 1437"):
        trainer(tmp_path, validation=5000)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"techniques": ["averge"]}, "no technique is called 'averge'; did you mean 'average'"),
        ({"techniques": ["average", "average"]}, "techniques: 'average' is named twice"),
        ({"voices.average.decay": 0.5}, r"voices.average.decay: no such voice"),
        ({"techniques": ["average"], "voices.average.decay": 1.5}, "voices.average.decay: 1.5 is not accepted; 0 to 1"),
        ({"voices.lr": {"follow": "plateau", "low": 0, "high": 1}}, "plateau"),
        ({"network": {"network": "mlp", "hidden": [0]}}, "hidden"),
        ({"data": {"name": "minst"}}, "did you mean 'mnist'"),
        ({"data": {"name": "mnist", "classes": [3, 3]}}, r"classes: \[3, 3\] names a class twice"),
        ({"voices.lr.body": 0.1}, "voices.lr.body: no such voice"),
        ({"voices.lr": -0.1}, r"voices\.lr: -0\.1 is not accepted; 0 to inf is"),
        ({"groups": {"body": ["body.*"]}, "voices": {"lr": 0.1, "lr.bdy": 0}}, "no such voice; did you mean 'lr.body'"),
        (
            {"groups": {"body": ["body.*"]}, "voices": {"lr": 0.1, "gate.body": 2}},
            "voices.gate.body: 2 to 2 is not accepted",
        ),
        (
            {"groups": {"body": ["body.*"]}, "voices": {"lr": 0.1, "lr.body": -0.05}},
            "voices.lr.body: -0.05 is not accepted; 0 to inf is",
        ),
        ({"techniques": [{"name": "class_weights", "beta": 0.5}]}, "beta: 0.5 is not read by kind: inverse; leave"),
        (
            {
                "techniques": [{"name": "plateau", "answer": "bump", "factor": 0.5}],
                "voices": {"lr": {"follow": "plateau", "relation": "in_phase", "low": 0.0, "high": 0.1}},
            },
            "factor: 0.5 is not read by answer: bump; leave it out",
        ),
        (
            {"techniques": [{"name": "sparsity", "grow_of": "lr"}], "voices": {"lr": 0.1, "sparsity": 0.5}},
            "grow_of: lr is not read without grow_at",
        ),
        ({"groups": {"Body!": ["body.*"]}}, "groups"),
        ({"groups": {"body": []}}, "groups.body"),
        ({"layer_decay": 0}, "layer_decay: 0 is not accepted"),
    ],
)
def test_a_mistake_is_one_line_before_training(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        resolve(SupervisedConfig, BASE, changes)
    assert "\n" not in str(error.value)


def test_a_network_that_is_frozen_whole_does_not_move(tmp_path: Path) -> None:
    one = trainer(tmp_path, network=CNN, groups={"all": ["*"]}, voices={"lr": 0.1, "lr.all": 0.0})
    before = {name: tensor.clone() for name, tensor in one.network.state_dict().items()}
    one.advance(5)
    assert all(torch.equal(tensor, one.network.state_dict()[name]) for name, tensor in before.items())
    assert one.metrics()["train/gradient"] == 0


def test_a_frozen_body_stays_frozen_while_it_is_scored(tmp_path: Path) -> None:
    one = trainer(tmp_path, **THAWED)
    before = {name: tensor.clone() for name, tensor in one.network.body.state_dict().items()}
    for until in (6, 12, 18):
        one.advance(until)
        one.evaluate()
    now = one.network.body.state_dict()
    assert all(torch.equal(tensor, now[name]) for name, tensor in before.items())
    one.advance(19)
    assert not any(torch.equal(tensor, now[name]) for name, tensor in before.items())


def test_a_group_without_a_voice_learns_as_the_rest_does(tmp_path: Path) -> None:
    rows = []
    for changes in ({}, {"groups": {"head": ["readout.*"]}}):
        one = trainer(tmp_path, **changes)
        one.advance(20)
        rows.append(one.metrics()["train/loss"])
    assert rows[0] == pytest.approx(rows[1], rel=1e-5)


def test_a_group_gets_its_voice_beside_lr(tmp_path: Path) -> None:
    """As ``--set voices.lr.body=…`` and an arm of a study write it."""
    changes = {"groups.body": ["body.*"], "voices.lr.body": {"follow": "lr", "high": 1e-3}, "voices.lr.offset": 0.25}
    voices = resolve(SupervisedConfig, BASE, changes | {"voices.lr.body.high": 2e-3}).parsed_voices()
    assert (voices["lr"](12), voices["lr.body"](12)) == (3e-3, 2e-3)


def test_a_pattern_that_matches_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"groups.head: 'raedout.\*' matches no parameter; there are body.1.weight"):
        trainer(tmp_path, groups={"head": ["raedout.*"]})


def test_few_samples_are_of_each_class_alike(tmp_path: Path) -> None:
    one, other = (trainer(tmp_path, train_samples=53, seed=seed) for seed in (0, 1))
    assert sorted(torch.bincount(one.data.labels).tolist()) == [5] * 7 + [6] * 3
    assert len(one.data.test_labels) == len(trainer(tmp_path).data.test_labels)
    assert not torch.equal(one.data.inputs, other.data.inputs)
    for n, words in (
        (9, "train_samples: 9 is not accepted; at least 10"),
        (1430, "takes 143 of each class, and class"),
    ):
        with pytest.raises(UserError, match=words):
            trainer(tmp_path, train_samples=n)


def test_some_classes_are_numbered_anew(tmp_path: Path) -> None:
    whole, some = trainer(tmp_path), trainer(tmp_path, data={"name": "digits", "classes": [7, 1]})
    assert some.data.classes == 2
    assert torch.equal(some.data.inputs[some.data.labels == 0], whole.data.inputs[whole.data.labels == 7])
    assert torch.equal(
        some.data.test_inputs[some.data.test_labels == 1], whole.data.test_inputs[whole.data.test_labels == 1]
    )
    assert some.network(torch.zeros(3, 1, 8, 8)).shape == (3, 2)


def test_scores_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    probs = random.dirichlet(np.ones(4), size=500)
    labels = random.integers(0, 4, 500)
    found = metrics.scores(np.log(probs), labels)
    assert found["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(labels, probs.argmax(1)))
    assert found["nll"] == pytest.approx(sklearn_metrics.log_loss(labels, probs))
    assert found["brier"] == pytest.approx(((probs - np.eye(4)[labels]) ** 2).sum(1).mean())
    balanced = sklearn_metrics.balanced_accuracy_score(labels, probs.argmax(1))
    assert found["balanced_accuracy"] == pytest.approx(balanced)


def test_calibration_error_is_that_of_torchmetrics() -> None:
    from torchmetrics.functional.classification import multiclass_calibration_error

    random = np.random.default_rng(1)
    probs = random.dirichlet(np.ones(5), size=700)
    labels = random.integers(0, 5, 700)
    theirs = multiclass_calibration_error(torch.tensor(probs), torch.tensor(labels), num_classes=5, n_bins=15)
    assert metrics.calibration_error(probs, labels) == pytest.approx(float(theirs), abs=1e-7)


def test_what_replayed_samples_count_does_not_depend_on_the_order_of_techniques(tmp_path: Path) -> None:
    techniques = [{"name": "rehearsal", "buffer_size": 50}, "smoothing"]
    still = {"voices": {"lr": 0.0, "smoothing": 0.5, "rehearsal.share": 1.0}}
    losses = []
    for order in (techniques, techniques[::-1]):
        one = trainer(tmp_path, techniques=order, **still)
        one.advance(4)
        losses.append(one.metrics()["train/loss"])
    assert losses[0] == pytest.approx(losses[1])


def test_a_batch_of_one_is_refused_where_batchnorm_needs_a_variance(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="batch_size: 1 is not accepted; at least 2 is"):
        trainer(tmp_path, batch_size=1, network=CNN)
    trainer(tmp_path, batch_size=1).advance(1)
    with pytest.raises(UserError, match="batch_size: 1 is not accepted; at least 2 is"):
        trainer(tmp_path, batch_size=1, network={"network": "cnn", "widths": [4, 4, 4], "hidden": []})


def test_a_network_must_answer_for_every_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "odd_network.py").write_text(ODD)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=r"network: it answers \[2, 3\] to inputs \[2, 1, 8, 8\]; logits \[2, 10\] are"):
        trainer(tmp_path, network="odd_network:Few")
    with pytest.raises(UserError, match=r"network: it cannot take inputs \[2, 1, 8, 8\]: RuntimeError: mat1 and mat2"):
        trainer(tmp_path, network="odd_network:Narrow")


ODD = """
from torch import nn
from lab.supervised.networks import NetworkPart

class Few(NetworkPart):
    network: str = "odd_network:Few"

    def build(self, shape, classes):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))

class Narrow(NetworkPart):
    network: str = "odd_network:Narrow"

    def build(self, shape, classes):
        return nn.Sequential(nn.Flatten(), nn.Linear(63, classes))
"""


IDLE = """
import math
from torch import nn
from lab.supervised.networks import NetworkPart

class Idle(NetworkPart):
    network: str = "idle_network:Idle"

    def build(self, shape, classes):
        network = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), classes))
        network.spare = nn.Linear(2, 2)
        network.forward = lambda inputs: network[1](network[0](inputs))
        return network
"""


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_network_with_weights_that_it_never_uses_resumes(
    optimizer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "idle_network.py").write_text(IDLE)
    monkeypatch.syspath_prepend(tmp_path)
    changes = {"network": "idle_network:Idle", "optimizer": optimizer}
    whole, again = trainer(tmp_path, **changes), trainer(tmp_path, **changes)
    whole.advance(13)
    checkpoints.save(tmp_path / "checkpoints", 13, whole.state_dict(), {})
    again.load_state_dict(checkpoints.load_newest(tmp_path / "checkpoints")[1])
    for one in (whole, again):
        one.advance(20)
    assert whole.evaluate() == again.evaluate()


ASTRAY = """
from lab.techniques import Technique, TechniquePart
from lab.techniques.technique import VoiceSpec

class Astray(Technique):
    def targets(self):
        return {"mine.y": print}

class Mine(TechniquePart):
    voices = {"mine.x": VoiceSpec("a number", 0.0, 1.0, 0.5)}

    def build(self, host):
        return Astray()
"""


def test_a_technique_that_aims_at_no_voice_of_its_own_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "astray_technique.py").write_text(ASTRAY)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=r"its target 'mine.y' is no voice of its own; those are mine.x"):
        trainer(tmp_path, techniques=["astray_technique:Mine"])
