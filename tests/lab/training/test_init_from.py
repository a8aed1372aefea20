"""A run may begin with the weights of another run, of any checkpoint that is kept; once begun it needs it no more."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import toy
from test_loop import PRESET, Stops, begin, bytes_of, go

from lab.door.yamls import dump_yaml
from lab.errors import UserError
from lab.training import checkpoints, integrity
from lab.training.checkpoints import paths
from lab.training.config import as_mapping, resolve
from lab.training.initial import again, find, pinned
from lab.training.run import CONFIG, PROVENANCE, Run


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = begin(tmp_path_factory.mktemp("source"), "source-s0", keep_checkpoints=2)
    go(run)
    return run


@pytest.fixture
def near(source: Run, tmp_path: Path) -> Path:
    """A directory of runs that has the source."""
    shutil.copytree(source.path, tmp_path / "runs" / "source-s0")
    return tmp_path / "runs"


def weights(run: Run, step: int) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = checkpoints.load(paths(run.checkpoints)[step]).state["net"]
    return found


def killed(plugin_step: int) -> Stops:
    def stop() -> None:
        raise KeyboardInterrupt

    return Stops(plugin_step, stop)


def test_only_the_wanted_number_of_checkpoints_is_kept(source: Run) -> None:
    assert list(paths(source.checkpoints)) == [40, 60]


@pytest.mark.parametrize(("asked", "step"), [("source-s0", 60), ("source-s{seed}@40", 40)])
def test_a_run_begins_with_the_weights_of_a_checkpoint(asked: str, step: int, near: Path) -> None:
    run = begin(near, init_from=asked, keep_checkpoints=9)
    go(run)
    first = checkpoints.load(paths(run.checkpoints)[0]).state
    theirs = weights(Run.open(near / "source-s0"), step)
    assert all(torch.equal(first["net"][name], tensor) for name, tensor in theirs.items())
    assert first["optimizer"]["state"] == {}
    record = run.provenance["init_from"]
    assert (record["run"], record["step"]) == (str((near / "source-s0").absolute()), step)
    assert {"step": 0, "kind": "initialised", "run": "source-s0", "from_step": step} in [
        json.loads(line) for line in run.events.path.read_text().splitlines()
    ]


def test_a_trial_of_a_study_names_runs_beside_the_study(near: Path) -> None:
    (near / "my-study").mkdir()
    run = begin(near / "my-study", "arm-s0", init_from="source-s0")
    go(run)
    assert run.provenance["init_from"]["step"] == 60


@pytest.mark.parametrize("at", [3, 27, 45])
def test_a_resume_needs_the_source_no_more(at: int, near: Path) -> None:
    whole = begin(near, "whole", init_from="source-s0")
    go(whole)
    run = begin(near, init_from="source-s0")
    with pytest.raises(KeyboardInterrupt):
        go(run, killed(at))
    shutil.rmtree(near / "source-s0")
    go(Run.open(run.path))
    assert bytes_of(run) == bytes_of(whole)


def test_weights_that_stay_fresh_are_those_of_the_seed(near: Path) -> None:
    plain = toy_weights(near, "plain")
    mixed = toy_weights(near, "mixed", init_from={"run": "source-s0", "fresh": ["4.*"]})
    theirs = weights(Run.open(near / "source-s0"), 60)
    for name, tensor in mixed.items():
        assert torch.equal(tensor, plain[name] if name.startswith("4.") else theirs[name])


def toy_weights(near: Path, name: str, **changes: Any) -> dict[str, torch.Tensor]:
    """The weights with which a run begins."""
    run = begin(near, name, **changes)
    config = resolve(toy.ToyConfig, run.config)
    initial = find(config.init_from, 0, near, "toy") if config.init_from else None
    context = toy.Context(torch.device("cpu"), near, near, lambda *a, **k: None, initial)
    return {key: tensor.clone() for key, tensor in toy.ToyTrainer(config, context).net.state_dict().items()}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"init_from": "nobody"}, "init_from: no run 'nobody', neither a path nor the name of one beside"),
        ({"init_from": "source-s0@20"}, "init_from: run source-s0 has no checkpoint of step 20; it has 40, 60"),
        (
            {"init_from": "source-s0", "network": {"widths": (16, 12)}},
            r"init_from: run source-s0 at step 60 is of another architecture: net.2.weight is float32\[16, 16\] there "
            r"and float32\[12, 16\] here",
        ),
        ({"init_from": "source-s0", "network": {"widths": (16,)}}, r"net.2.weight is float32\[16, 16\] there"),
        ({"init_from": {"run": "source-s0", "fresh": ["raedout.*"]}}, "init_from.fresh: 'raedout.*' matches none of"),
    ],
)
def test_what_does_not_fit_is_one_line_before_training(changes: dict[str, Any], words: str, near: Path) -> None:
    run = begin(near, **changes)
    with pytest.raises(UserError, match=words) as error:
        go(run)
    assert "\n" not in str(error.value)
    assert not run.metrics.path.exists() or not run.metrics.path.read_text()


def test_a_run_of_another_trainer_is_refused(near: Path) -> None:
    Run.create(near, "other", "gan", resolve(toy.ToyConfig, PRESET))
    with pytest.raises(UserError, match="other is a run of 'gan'; accepted: a run of 'toy'"):
        go(begin(near, init_from="other"))


def test_a_trainer_that_takes_no_weights_says_so(near: Path) -> None:
    class Deaf:
        def __getattr__(self, name: str) -> Any:
            return getattr(toy.PLUGIN, name)

        def build(self, config: Any, context: Any) -> Any:
            return toy.PLUGIN.build(config, toy.Context(context.device, near, near, context.event))

    with pytest.raises(UserError, match="the trainer 'toy' cannot begin with weights of another run"):
        go(begin(near, init_from="source-s0"), Deaf())


def test_the_newest_step_is_written_out(near: Path) -> None:
    config = resolve(toy.ToyConfig, PRESET | {"init_from": "source-s0"})
    found = pinned(config, near, "toy")
    assert as_mapping(found)["init_from"] == {"run": "source-s0", "step": 60, "fresh": []}
    assert pinned(found, near, "toy") == found


def test_what_a_run_began_with_is_found_again(near: Path) -> None:
    run = begin(near, init_from="source-s0@40")
    go(run)
    initial = again(run)
    assert initial is not None
    assert initial.checkpoint.step == 40
    assert again(Run.open(near / "source-s0")) is None


def test_a_run_of_a_version_without_these_fields_resumes(near: Path) -> None:
    """Neither its config.yaml nor its checkpoints know them."""
    whole = begin(near, "whole")
    go(whole)
    run = begin(near)
    old = {key: value for key, value in run.config.items() if key not in ("init_from", "keep_checkpoints")}
    (run.path / CONFIG).write_text(dump_yaml(old))
    made = run.provenance | {"config": integrity.mark(old)}
    (run.path / PROVENANCE).write_text(json.dumps(integrity.sealed(made)))
    with pytest.raises(KeyboardInterrupt):
        go(Run.open(run.path), killed(33))
    go(Run.open(run.path))
    assert weights(run, 60).keys() == weights(whole, 60).keys()
    assert all(torch.equal(tensor, weights(run, 60)[name]) for name, tensor in weights(whole, 60).items())
