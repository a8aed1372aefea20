"""What a run with workers may say; a mistake is one line before anything starts."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from few_workers import CLASSIFIER, COSINE, GAME, configured, context

from gan.config import GanConfig
from lab.distributed.clocks import of_rank
from lab.distributed.config import DistributedConfig, of_worker
from lab.distributed.plugin import PLUGIN
from lab.distributed.trainer import DistributedTrainer
from lab.errors import UserError
from lab.supervised.config import SupervisedConfig
from lab.training.config import as_mapping, load_yaml, resolve
from lab.training.plugins import preset_names, preset_path


def test_a_preset_of_any_trainer_that_can_be_shared_says_by_its_keys_whose_it_is() -> None:
    assert isinstance(resolve(DistributedConfig, GAME), GanConfig)
    assert isinstance(resolve(DistributedConfig, CLASSIFIER), SupervisedConfig)
    assert resolve(DistributedConfig, CLASSIFIER).trainer == "supervised"
    with pytest.raises(UserError, match="trainer: missing; give the trainer of each worker: gan, supervised"):
        resolve(DistributedConfig, {"steps": 3})
    with pytest.raises(UserError, match="'rl' cannot be one of several workers; gan, supervised can"):
        resolve(DistributedConfig, {**CLASSIFIER, "trainer": "rl"})
    with pytest.raises(UserError, match="'none' is not known"):
        resolve(DistributedConfig, {**CLASSIFIER, "trainer": "none"})


def test_a_misspelt_setting_of_a_file_that_names_no_trainer_is_what_is_told() -> None:
    mapping = {**CLASSIFIER, "batchsize": 32}
    del mapping["batch_size"]
    with pytest.raises(UserError, match="batchsize: unknown key; did you mean 'batch_size'"):
        resolve(DistributedConfig, mapping)


def test_one_offset_is_that_of_all_workers() -> None:
    config = configured("gan", {"workers.offsets": 0.25, "voices.sync_every": 8})
    assert [config.workers.offset(rank) for rank in range(4)] == [0.25] * 4


def test_what_is_saved_resolves_to_the_same() -> None:
    sets = {"voices.sync_every": 8, "workers.outer_optimizer": {}, "workers.offsets": [0, 0.1, 0.2, 0.3]}
    config = configured("gan", sets)
    assert resolve(DistributedConfig, as_mapping(config)) == config
    assert config.workers.outer_optimizer is not None
    assert pickle.loads(pickle.dumps(config)) == config  # as a study's trials are sent


@pytest.mark.parametrize("name", preset_names(PLUGIN))
def test_every_preset_can_be_trained_by_workers(name: str) -> None:
    mapping = load_yaml(preset_path(PLUGIN, name))
    config = resolve(DistributedConfig, mapping, {"workers.count": 2, "workers.offsets": 0, "voices.sync_every": 4})
    assert config.plain()["batch_size"] == mapping["batch_size"]
    assert of_worker(config, of_rank(config, 1)).seed == config.seed


def test_a_name_that_two_trainers_have_is_asked_for_with_its_trainer() -> None:
    assert preset_path(PLUGIN, "ring") == preset_path(PLUGIN, "gan/ring")
    assert "supervised" in str(preset_path(PLUGIN, "supervised/mnist"))
    with pytest.raises(UserError, match="gan/mnist"):
        preset_path(PLUGIN, "mnist")


def test_each_preset_is_listed_once_by_its_shortest_name() -> None:
    with pytest.raises(UserError) as found:
        preset_path(PLUGIN, "zzz")
    listed = str(found.value).partition("presets: ")[2].strip(")").split(", ")
    assert {"ring", "gan/mnist", "supervised/mnist", "offset-workers"} <= {*listed}
    assert "gan/ring" not in listed


@pytest.mark.parametrize(
    ("trainer", "sets", "said"),
    [
        ("supervised", {"workers.count": 3}, "workers.count: 3 does not divide batch_size 32"),
        ("gan", {"workers.count": 64}, "workers.count: 64 does not divide batch_size 32"),
        ("gan", {"workers.count": 0}, "workers.count: 0 is not accepted"),
        ("gan", {"workers.offsets": [0.5], "voices.sync_every": 2}, "workers.offsets: 1 are given for 4 workers"),
        ("gan", {"workers.offsets": "sprea", "voices.sync_every": 2}, "'sprea' is not accepted; a number of cycles"),
        ("gan", {"workers.simulated": False, "workers.offsets": "spread"}, "offsets: it needs the voice sync_every"),
        ("gan", {"workers.simulated": False, "workers.outer_optimizer": {}}, "outer_optimizer: it needs the voice"),
        ("gan", {}, "workers.simulated: true is not accepted without the voice sync_every"),
        ("gan", {"voices.sync_every": 0.5}, "voices.sync_every: 0.5 is not accepted; 1 to"),
        ("gan", {"voices.sync_evry": 2}, "sync_evry: no such voice; did you mean 'sync_every'"),
        ("gan", {"workers.outer": 2}, "workers.outer: unknown key"),
        (
            "supervised",
            {"voices.lr": {"follow": "sync_every"}, "voices.sync_every": {**COSINE, "low": 2, "high": 9}},
            "voices.lr: it follows sync_every, which workers have not",
        ),
        ("gan", {"workers.outer_optimizer": {"lr": 0}, "voices.sync_every": 2}, "workers.outer_optimizer.lr: 0"),
        (
            "supervised",
            {"voices.lr.cooldown": {"start": 20, "steps": 20}, "workers.cooldown": 0.5, "voices.sync_every": 2},
            "workers.cooldown: voices.lr has a cooldown of its own",
        ),
        (
            "gan",
            {"voices.lr.generator": {"follow": "advantage", "low": 0, "high": 1}, "voices.sync_every": 2},
            "lr.generator: it follows what each worker measures for itself",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(trainer: str, sets: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said) as found:
        configured(trainer, sets)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("workers", [{"workers.cooldown": 0.25}, {"workers.offsets": "spread"}])
def test_averages_that_follow_a_rate_which_workers_change_are_refused(workers: dict[str, Any]) -> None:
    """The quadratic rule would follow a rate that no worker has: short intervals where the cooled rate is lowest."""
    rule = {"follow": "lr", "relation": "constant_product", "power": 2, "product": 0.04, "low": 4, "high": 128}
    with pytest.raises(UserError, match=r"voices.sync_every: it follows lr, which workers.offsets or workers.cooldown"):
        configured("supervised", workers | {"voices.sync_every": rule})
    wave = {"wave": "cosine", "low": 4, "high": 32}
    behind = {
        "voices.lr": {"follow": "average.decay", "low": 0, "high": 0.1},
        "voices.average.decay": {**COSINE, "high": 0.9},
    }
    with pytest.raises(UserError, match=r"voices.sync_every: it follows lr, which"):
        configured("supervised", workers | behind | {"voices.sync_every": rule})
    for accepted in (4, wave, {"follow": wave, "relation": "anti_phase"}):
        configured("supervised", workers | {"voices.sync_every": accepted})
    configured("supervised", {"voices.sync_every": rule})


@pytest.mark.parametrize(
    ("technique", "sets", "said"),
    [
        ("swa", {"workers.offsets": "spread"}, r"techniques.swa.of: 'lr' is not accepted where workers.offsets differ"),
        ("reset", {"workers.offsets": [0, 0.5, 0, 0]}, r"techniques.reset.of: 'lr' is not accepted"),
        ("snapshots", {}, r"techniques.snapshots: it is not accepted with the voice sync_every"),
    ],
)
def test_what_waits_for_a_moment_that_workers_do_not_share_is_refused(
    technique: str, sets: dict[str, Any], said: str, tmp_path: Path
) -> None:
    of = [{"name": technique, "at": "trough", "of": "lr"}]
    voices = {"lr": COSINE, "sync_every": 4}
    config = configured("supervised", sets | {"techniques": of, "voices": voices})
    with pytest.raises(UserError, match=said):
        DistributedTrainer(config, context(tmp_path))


def test_the_mean_of_weights_at_a_moment_of_the_clock_is_one_for_all_workers(tmp_path: Path) -> None:
    swa = {"techniques": [{"name": "swa", "of": "clock"}], "voices": {"lr": COSINE, "sync_every": 4}}
    trainer = DistributedTrainer(configured("supervised", swa | {"workers.offsets": "spread"}), context(tmp_path))
    trainer.advance(40)
    first, *others = [torch.cat([t.flatten() for t in worker.followers()]) for worker in trainer.team.workers]
    assert len(first)
    assert all(torch.equal(first, other) for other in others)


def test_generators_of_an_ensemble_are_not_kept_between_averages(tmp_path: Path) -> None:
    for sets, kept in (({"voices.sync_every": 4}, 0), ({"workers.count": 1}, 2)):
        place = tmp_path / str(kept)
        DistributedTrainer(configured("gan", sets), context(place)).advance(40)
        assert len([*place.rglob("generator-*")]) == kept


@pytest.mark.parametrize(
    ("trainer", "sets", "keeper"),
    [("supervised", {"optimizer": "schedulefree_sgd"}, "schedulefree_sgd"), ("gan", {"lookahead": {}}, "lookahead")],
)
def test_an_outer_optimiser_does_not_leave_points_behind_that_weights_go_back_to(
    trainer: str, sets: dict[str, Any], keeper: str, tmp_path: Path
) -> None:
    if trainer == "supervised":
        pytest.importorskip("schedulefree")
    sets = sets | {"voices.sync_every": 4}
    DistributedTrainer(configured(trainer, sets), context(tmp_path))
    with pytest.raises(
        UserError, match=f"workers.outer_optimizer: .* the points that {keeper} keeps; null is accepted"
    ):
        DistributedTrainer(configured(trainer, sets | {"workers.outer_optimizer": {}}), context(tmp_path))
