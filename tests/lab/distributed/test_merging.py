"""What becomes of a run with workers: the figures of its trainer, and a run that all commands of that trainer take."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from few_workers import CLASSIFIER, GAME, weights

from lab.cli.main import main
from lab.distributed.config import DistributedConfig
from lab.distributed.group import Turns
from lab.distributed.plugin import PLUGIN
from lab.distributed.team import Team
from lab.reports.drawing import draw_runs
from lab.reports.runs import read_run
from lab.training import checkpoints
from lab.training.loop import load_config, make_context
from lab.training.run import Run

WORKERS = {"workers": {"count": 4, "simulated": True, "offsets": "spread"}}
GAN = {**GAME, **WORKERS, "voices": {**GAME["voices"], "sync_every": 9}, "snapshot_every": 20, "checkpoint_every": 20}
DIGITS = {**CLASSIFIER, **WORKERS, "voices": {**CLASSIFIER["voices"], "sync_every": 9}, "checkpoint_every": 20}


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_RESULTS", str(tmp_path / "results"))
    monkeypatch.chdir(tmp_path)
    for name, settings in (("game", GAN), ("digits", DIGITS)):
        Path(f"{name}.yaml").write_text(yaml.safe_dump(settings))
    return tmp_path / "results" / "runs"


def trained(name: str) -> None:
    assert main(["distributed", "train", f"{name}.yaml", "--name", name, "--quiet"]) == 0


def test_it_is_drawn_as_its_workers_trainer_draws(results: Path) -> None:
    trained("game")
    drawn = {saved.path.stem for saved in draw_runs([results / "game"], results / "figures")}
    assert {"dynamics", "samples", "scores"} <= drawn
    assert main(["report", "game"]) == 0
    assert (results / "game" / "report.html").read_text().count("<img") >= 3


def test_rates_that_workers_have_at_offsets_are_drawn_from_the_log(results: Path) -> None:
    trained("digits")
    run = read_run(results / "digits")
    assert "lr" not in run.voices
    assert "average.decay" in run.voices
    values = run.series("voice/lr")[1]
    assert values.max() - values.min() < 1e-12  # spread over the cycle: of their mean there is nothing to see


def test_runs_with_workers_and_without_are_drawn_over_each_other(results: Path) -> None:
    trained("game")
    plain = {key: value for key, value in GAN.items() if key != "workers"} | {"voices": GAME["voices"]}
    Path("plain.yaml").write_text(yaml.safe_dump(plain))
    assert main(["gan", "train", "plain.yaml", "--name", "plain", "--quiet"]) == 0
    assert draw_runs([results / "game", results / "plain"], results / "figures", ["scores"])


@pytest.mark.parametrize("name", ["game", "digits"])
def test_the_mean_of_its_workers_is_a_run_of_their_trainer(
    name: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(name)
    run = Run.open(results / name)
    shutil.rmtree(run.checkpoints / "000000040")  # that of step 20 lies between two averages
    before = sorted(path for path in run.path.rglob("*"))
    assert main(["distributed", "merge", name]) == 0
    kind = {"game": "gan", "digits": "supervised"}[name]
    assert f"lab {kind} evaluate {name}-merged" in capsys.readouterr().out
    assert sorted(path for path in run.path.rglob("*")) == before
    config = load_config(PLUGIN, run)
    assert isinstance(config, DistributedConfig)
    team = Team(config, make_context(run, config), Turns(4))
    team.load_state_dict(checkpoints.needed(run.checkpoints).state)
    merged = checkpoints.needed(results / f"{name}-merged" / "checkpoints")
    assert merged.step == 20
    mean = torch.stack([weights(worker.models()) for worker in team.workers]).mean(dim=0)
    networks = [merged.state[key] for key in team.workers[0].models()]
    own = torch.cat([network[key].flatten() for network in networks for key in network])
    torch.testing.assert_close(own, mean)
    assert main([kind, "evaluate", f"{name}-merged"]) == 0
    assert "step 20, " in capsys.readouterr().out
    if name == "digits":
        assert main([kind, "evaluate", f"{name}-merged", "--json"]) == 0
        logged = read_run(results / name).series("evaluation/accuracy")[1][0]
        assert json.loads(capsys.readouterr().out)[0]["accuracy"] == pytest.approx(logged)
    else:
        assert main(["gan", "sample", "game-merged", "--out", "samples.png"]) == 0


def test_one_begins_with_the_weights_of_the_other(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained("digits")
    plain = {**CLASSIFIER, "init_from": "digits"}
    Path("plain.yaml").write_text(yaml.safe_dump(plain))
    assert main(["supervised", "train", "plain.yaml", "--name", "plain", "--quiet"]) == 0
    Path("again.yaml").write_text(yaml.safe_dump({**DIGITS, "init_from": "plain"}))
    assert main(["distributed", "train", "again.yaml", "--name", "again", "--quiet"]) == 0
    assert Run.open(results / "again").provenance["init_from"]["step"] == 40
    capsys.readouterr()
    Path("game-again.yaml").write_text(yaml.safe_dump({**GAN, "init_from": "plain"}))
    assert main(["distributed", "train", "game-again.yaml", "--quiet"]) == 2
    assert "init_from: plain is a run of 'supervised'; accepted: a run of 'gan'" in capsys.readouterr().err


def test_what_has_no_workers_is_not_merged(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("plain.yaml").write_text(yaml.safe_dump(CLASSIFIER))
    assert main(["supervised", "train", "plain.yaml", "--name", "plain", "--quiet"]) == 0
    assert main(["distributed", "merge", "plain"]) == 2
    assert "a run of 'supervised'; this command takes runs of 'distributed'" in capsys.readouterr().err
    trained("digits")
    assert main(["distributed", "merge", "digits", "--name", "plain"]) == 2
    assert "--name plain: " in capsys.readouterr().err
