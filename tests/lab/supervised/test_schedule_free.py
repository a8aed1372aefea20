"""Schedule-free optimisers: the package's own numbers, exact resume, and one line where the extra is missing."""

from __future__ import annotations

import copy
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from lab.errors import UserError
from lab.supervised.config import SupervisedConfig
from lab.supervised.optimizers import schedule_free
from lab.supervised.trainer import SupervisedTrainer
from lab.training import checkpoints
from lab.training.config import resolve
from lab.training.trainer import Context

BASE: dict[str, Any] = {
    "steps": 40,
    "data": {"name": "digits"},
    "network": {"network": "mlp", "hidden": [16]},
    "batch_size": 16,
    "clock": {"period": 20},
    "voices": {"lr": {"wave": "cosine", "low": 0.001, "high": 0.01}},
}
NAMES = ("schedulefree_sgd", "schedulefree_adamw")
missing = PathFinder.find_spec("schedulefree") is None
needs = pytest.mark.skipif(missing, reason="needs the extra schedulefree")


def trainer(tmp_path: Path, name: str, **changes: Any) -> SupervisedTrainer:
    config = resolve(SupervisedConfig, BASE, {"optimizer": name, **changes})
    return SupervisedTrainer(config, Context(torch.device("cpu"), tmp_path, tmp_path, lambda *a, **k: None))


def test_a_missing_extra_is_one_line_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [place for place in sys.path if not (Path(place) / "schedulefree").is_dir()])
    monkeypatch.delitem(sys.modules, "schedulefree", raising=False)
    words = r"'schedulefree_sgd' needs the extra schedulefree; accepted: pip install 'phase-lab\[schedulefree\]'"
    with pytest.raises(UserError, match=words) as error:
        resolve(SupervisedConfig, BASE, {"optimizer": "schedulefree_sgd"})
    assert "\n" not in str(error.value)


@needs
@pytest.mark.parametrize("name", NAMES)
def test_what_is_scored_is_what_the_package_evaluates_and_training_goes_on_untouched(name: str, tmp_path: Path) -> None:
    import schedulefree

    random = torch.Generator().manual_seed(0)
    mine = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    theirs = copy.deepcopy(mine)
    part = resolve(SupervisedConfig, BASE, {"optimizer": name}).optimizer
    optimizer = part.build(mine.parameters())
    kind = {"schedulefree_sgd": schedulefree.SGDScheduleFree, "schedulefree_adamw": schedulefree.AdamWScheduleFree}
    reference = kind[name](theirs.parameters(), lr=0.1)
    for step in range(30):
        inputs, labels = torch.randn(16, 4, generator=random), torch.randint(3, (16,), generator=random)
        reference.train()
        optimizer.param_groups[0]["lr"] = reference.param_groups[0]["lr"] = 0.1 / (1 + step)
        for network, one in ((mine, optimizer), (theirs, reference)):
            one.zero_grad()
            functional.cross_entropy(network(inputs), labels).backward()
            one.step()
        if step % 10 == 9:
            trained = [parameter.clone() for parameter in mine.parameters()]
            reference.eval()
            found = schedule_free.averaged(mine, optimizer)
            for own, expected in zip(found.parameters(), theirs.parameters(), strict=True):
                assert torch.allclose(own, expected, atol=1e-6)
            assert all(torch.equal(own, kept) for own, kept in zip(mine.parameters(), trained, strict=True))


@needs
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("at", [0, 13])
def test_a_run_resumes_bit_for_bit(name: str, at: int, tmp_path: Path) -> None:
    whole, again = trainer(tmp_path, name), trainer(tmp_path, name)
    whole.advance(at)
    checkpoints.save(tmp_path / "checkpoints", at, whole.state_dict(), {})
    whole.advance(40)
    again.load_state_dict(checkpoints.load_newest(tmp_path / "checkpoints")[1])
    again.advance(29)
    again.evaluate()
    again.advance(40)
    one, other = whole.state_dict()["network"], again.state_dict()["network"]
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert whole.evaluate() == again.evaluate()
    assert whole.state_dict()["counters"] == again.state_dict()["counters"]
    assert whole.state_dict()["counters"][0]["k"] == 40


@needs
@pytest.mark.parametrize("name", NAMES)
def test_after_a_reset_the_mean_begins_again(name: str, tmp_path: Path) -> None:
    one = trainer(tmp_path, name, techniques=["reset"], **{"voices.lr": 0.01})
    one.advance(33)
    assert one.state_dict()["counters"][0]["k"] == 13


@needs
def test_digits_are_learned_without_a_schedule(tmp_path: Path) -> None:
    one = trainer(tmp_path, "schedulefree_adamw", steps=400, **{"voices.lr": 0.005})
    one.advance(400)
    assert one.evaluate()["evaluation/accuracy"] > 0.9


@needs
@pytest.mark.parametrize("name", NAMES)
def test_weight_decay_is_that_of_the_package(name: str, tmp_path: Path) -> None:
    """It takes z, y and their mean: shrinking what is trained alone would leave z where no gradient brings it back."""
    settings = {"voices.lr": 0.01, "steps": 60}
    mine = trainer(tmp_path, name, techniques=[{"name": "weight_decay", "vectors": True}],
                   **settings, **{"voices.weight_decay": 3.0})  # fmt: skip
    theirs = trainer(tmp_path, name, **settings)
    for group in theirs.optimizer.param_groups:
        group["weight_decay"] = 3.0
    for one in (mine, theirs):
        one.advance(60)
    for own, expected in zip(mine.network.parameters(), theirs.network.parameters(), strict=True):
        assert torch.allclose(own, expected, atol=1e-5)
        assert torch.allclose(mine.optimizer.state[own]["z"], theirs.optimizer.state[expected]["z"], atol=1e-5)


@needs
def test_tasks_and_adjusted_answers_are_told_of_the_mean_as_scores_are(tmp_path: Path) -> None:
    one = trainer(tmp_path, "schedulefree_adamw", tasks={"name": "split", "number": 2},
                  techniques=[{"name": "logit_adjustment", "form": "post_hoc"}],
                  **{"voices.logit_adjustment.tau": 0.0})  # fmt: skip
    one.advance(20)
    scored = one.evaluate()
    one.advance(40)
    assert one.evaluate()["evaluation/backward_transfer"] == pytest.approx(
        one.evaluate()["evaluation/task/0/accuracy"] - scored["evaluation/task/0/accuracy"]
    )
    assert scored["evaluation/adjusted/nll"] == pytest.approx(scored["evaluation/nll"], rel=1e-6)


@needs
@pytest.mark.parametrize("name", NAMES)
def test_the_gradients_norm_is_that_of_the_gradient(name: str, tmp_path: Path) -> None:
    """The package writes over gradients as it steps."""
    one = trainer(tmp_path, name)
    norms: list[float] = []
    one.optimizer.register_step_pre_hook(
        lambda *_: norms.append(float(torch.linalg.vector_norm(torch.stack([p.grad.norm() for p in one._parameters]))))
    )
    one.advance(10)
    assert one.metrics()["train/gradient"] == pytest.approx(sum(norms) / len(norms), rel=1e-5)


@needs
@pytest.mark.parametrize("voice", ["lr.body", "gate.body"])
def test_it_does_not_thaw(voice: str) -> None:
    frozen = {"wave": "square", "inverted": True, "low": 0, "high": 1, "clock": {"period": 40, "cycles": 1}}
    changes = {"optimizer": "schedulefree_adamw", "groups": {"body": ["body.*"]}, f"voices.{voice}": frozen}
    with pytest.raises(
        UserError, match=f"voices.{voice}: comes to 0, but schedulefree_adamw counts the steps"
    ) as error:
        resolve(SupervisedConfig, BASE, changes)
    assert "\n" not in str(error.value)
    resolve(SupervisedConfig, BASE, {**changes, f"voices.{voice}": 0})
    resolve(SupervisedConfig, BASE, {**changes, "optimizer": "adam"})
