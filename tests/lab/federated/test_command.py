"""`lab federated train`: presets of other trainers, resume, a report, and mistakes that are one line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from lab.cli.main import main
from lab.federated.config import FederatedConfig
from lab.federated.plugin import PLUGIN
from lab.training import plugins
from lab.training.config import dump, load_yaml, resolve
from lab.training.plugins import preset_files

sys.path.insert(0, str(Path(__file__).parent))
from conftest import DIGITS, RING

SMALL = ["--set", "steps=3", "--set", "federated.clients=4", "--set", "evaluate_every=3", "--quiet"]


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the entry point had been installed."""
    found, broken = plugins.discover()
    monkeypatch.setattr(plugins, "discover", lambda: ({**found, "federated": PLUGIN}, broken))
    import lab.cli.train

    monkeypatch.setattr(lab.cli.train, "discover", plugins.discover)


def lab(*words: str, results: Path) -> int:
    return main(["federated", *words, "--results", str(results)])


def test_a_preset_of_another_trainer_is_trained_by_clients(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lab("train", "supervised/digits", *SMALL, results=tmp_path) == 0
    assert "run digits-s0: 3 steps" in capsys.readouterr().out
    run = tmp_path / "runs" / "digits-s0"
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["clients/trained"] == 12
    assert {"evaluation/accuracy", "evaluation/worst_client", "evaluation/rounds_to_target"} <= set(rows[-1])
    config = load_yaml(run / "config.yaml")
    assert (config["federated"]["trainer"], config["techniques"], config["optimizer"]["name"]) == (
        "supervised",
        [],
        "adam",
    )
    assert dump(resolve(FederatedConfig, config)) == (run / "config.yaml").read_text()


def test_a_run_is_resumed_by_lab_resume(tmp_path: Path) -> None:
    for name, steps in (("whole", 4), ("cut", 2)):
        assert (
            lab("train", "supervised/digits", *SMALL, "--set", f"steps={steps}", "--name", name, results=tmp_path) == 0
        )
    config = tmp_path / "runs" / "cut" / "config.yaml"
    config.write_text(config.read_text().replace("steps: 2\n", "steps: 4\n"))
    assert main(["resume", "cut", "--quiet", "--results", str(tmp_path)]) == 0
    ends = [tmp_path / "runs" / name / "checkpoints" / "000000004" / "network.safetensors" for name in ("whole", "cut")]
    assert ends[0].read_bytes() == ends[1].read_bytes()


def test_figures_are_drawn(tmp_path: Path) -> None:
    moving = ["--set", "voices.lr={wave: cosine, low: 0, high: 0.01}", "--set", "federated.offsets=spread"]
    assert lab("train", "supervised/digits", *SMALL, *moving, "--name", "one", results=tmp_path) == 0
    assert main(["plot", "one", "--results", str(tmp_path)]) == 0
    drawn = {path.stem for path in (tmp_path / "runs" / "one" / "figures").glob("*.png")}
    assert {"dynamics", "scores", "clocks"} <= drawn


def test_every_preset_of_those_that_offer_it_is_one_of_clients() -> None:
    files = preset_files(PLUGIN)
    names = [name for name in files if "/" in name]
    assert {"gan/ring", "gan/mnist", "supervised/mnist", "supervised/digits"} <= set(names)
    for name in names:
        config = resolve(FederatedConfig, load_yaml(files[name]), source=name)
        assert config.federated.trainer == name.partition("/")[0]
        assert resolve(FederatedConfig, load_yaml(files[name])).model_dump() == config.model_dump()


def test_steps_and_clock_of_a_preset_become_rounds() -> None:
    config = resolve(FederatedConfig, load_yaml(preset_files(PLUGIN)["gan/ring"]))
    assert (config.steps, config.clock, config.evaluate_every) == (400, {"period": 100}, 10)
    assert "ema.decay" not in config.voices


def test_a_cooldown_of_a_preset_becomes_rounds() -> None:
    mapping = dict(load_yaml(preset_files(PLUGIN)["supervised/digits"]))
    cooldown = {"start": 300, "steps": 100}
    mapping["voices"] = {"lr": {"wave": "cosine", "low": 0.0, "high": 0.1, "cooldown": cooldown}}
    config = resolve(FederatedConfig, mapping)
    assert config.voices["lr"]["cooldown"] == {"start": 30, "steps": 10}  # ten local steps a round


def test_own_presets_are_whole() -> None:
    for path in PLUGIN.presets.glob("*.yaml"):
        resolve(FederatedConfig, load_yaml(path), source=path.name)


def test_a_name_alone_is_enough_where_one_trainer_has_it() -> None:
    files = preset_files(PLUGIN)
    assert files["ring"] == files["gan/ring"]
    assert "mnist" not in files
    assert "ring" in preset_files(plugins.trainer("gan"))
    assert "gan/ring" not in preset_files(plugins.trainer("gan"))


MISTAKES = {
    "server": (["shards", "--set", "voices.server.lr=-1"], "voices.server.lr: -1 is not accepted; 0 to inf is"),
    "mnist": (["mnist"], "did you mean gan/mnist or supervised/mnist?"),
    "clients": (["supervised/digits", "--set", "federated.clients=5000"], "leave client 1,437 without data"),
    "engine": (["supervised/digits", "--set", "federated.engine=ray"], "input should be 'simulation' or 'flower'"),
}


@pytest.mark.parametrize("word", MISTAKES)
def test_a_mistake_is_one_line_and_leaves_nothing(
    word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, message = MISTAKES[word]
    assert lab("train", *words, "--quiet", results=tmp_path) == 2
    told = capsys.readouterr().err.strip()
    assert message in told
    assert "\n" not in told
    assert not list(tmp_path.glob("runs/*"))


def test_a_whole_file_names_no_trainer(tmp_path: Path) -> None:
    assert resolve(FederatedConfig, DIGITS).federated.trainer == "supervised"
    assert resolve(FederatedConfig, RING).federated.trainer == "gan"
    assert resolve(FederatedConfig, DIGITS).inner.optimizer.model_dump() == {"name": "sgd", "momentum": 0.0}  # type: ignore[attr-defined]


def test_clients_begin_with_the_weights_of_one_trainer_and_it_with_theirs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Personalised networks after a federated one, and clients that fine-tune a pretrained one."""
    assert lab("train", "supervised/digits", *SMALL, "--name", "theirs", results=tmp_path) == 0
    alone = ["--set", "steps=5", "--set", "evaluate_every=5", "--quiet", "--results", str(tmp_path)]
    assert main(["supervised", "train", "digits", "--init-from", "theirs", "--name", "own", *alone]) == 0
    assert lab("train", "supervised/digits", *SMALL, "--init-from", "own", "--name", "again", results=tmp_path) == 0
    assert load_yaml(tmp_path / "runs" / "again" / "config.yaml")["init_from"]["step"] == 5
    capsys.readouterr()
    assert main(["gan", "train", "ring", "--init-from", "theirs", *alone]) == 2
    assert "init_from: theirs is a run of 'federated'; accepted: a run of 'gan'" in capsys.readouterr().err
