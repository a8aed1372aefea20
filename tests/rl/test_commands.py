import json

import numpy as np
import pytest
from PIL import Image
from stable_baselines3 import PPO

from lab.cli.main import main

TINY = ["--set", "steps=512", "--set", "n_steps=16", "--set", "batch_size=64", "--set", "max_episode_steps=15"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A results directory with one short run, trained by the command."""
    root = tmp_path_factory.mktemp("results")
    command = ["rl", "train", "mountain-car", *TINY, "--name", "short", "--results", str(root), "--quiet"]
    assert main(command) == 0
    return root


def last_row(results):
    return json.loads((results / "runs" / "short" / "metrics.jsonl").read_text().splitlines()[-1])


def test_evaluate_answers_with_the_numbers_that_training_logged(results, capsys):
    assert main(["rl", "evaluate", "short", "--results", str(results), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    row = last_row(results)
    assert answer["step"] == 512
    for score in answer["scores"]:
        assert score["return"] == row[f"evaluation/return/{score['difficulty']:.2f}"]
        assert score["success"] == row[f"evaluation/success/{score['difficulty']:.2f}"]


def test_evaluate_prints_a_line_for_each_difficulty(results, capsys):
    assert main(["rl", "evaluate", "short", "--results", str(results), "--episodes", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "3 episodes" in lines[0]
    assert [line.split()[0] for line in lines[2:]] == ["0.00", "0.25", "0.50", "0.75", "1.00"]


def test_looking_at_a_run_writes_nothing_into_it(results, capsys):
    run = results / "runs" / "short"
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}
    assert main(["rl", "evaluate", "short", "--results", str(results)]) == 0
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()} == before


def test_watch_films_one_whole_episode(results, tmp_path, capsys):
    out = tmp_path / "films" / "car.gif"
    assert main(["rl", "watch", "short", "--results", str(results), "--out", str(out), "--difficulty", "0.5"]) == 0
    with Image.open(out) as film:
        durations = []
        for index in range(film.n_frames):
            film.seek(index)
            durations.append(film.info["duration"])
        assert sum(durations) > 15 * 20
        assert np.asarray(film.convert("RGB")).std() > 1.0
    assert "15 steps at difficulty 0.5, return -15.0" in capsys.readouterr().out


def test_export_gives_sb3_users_the_same_agent(results, tmp_path, capsys):
    out = tmp_path / "agent.zip"
    assert main(["rl", "export", "short", "--results", str(results), "--out", str(out)]) == 0
    model = PPO.load(out, device="cpu")
    moments = json.loads((tmp_path / "agent.normalisation.json").read_text())
    observation = (np.array([-0.5, 0.01]) - moments["mean"]) / np.sqrt(moments["variance"])
    action, _ = model.predict(observation.astype(np.float32), deterministic=True)
    assert action in (0, 1, 2)


@pytest.mark.parametrize(("command", "name"), [("watch", "film.gif"), ("export", "agent.zip")])
def test_a_place_that_cannot_be_written_is_one_line_and_status_2(results, tmp_path, capsys, command, name):
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" / name
    assert main(["rl", command, "short", "--results", str(results), "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert f"--out {out}: cannot be written" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "change",
    ["task=lab/MountainCar", "task=NoSuch-v0", "axes={pwer: {easy: 2}}", "task=Acrobot-v1", "batch_size=100"],
)
def test_a_mistake_in_the_task_leaves_no_run_directory(tmp_path, capsys, change):
    assert main(["rl", "train", "mountain-car", "--set", change, "--results", str(tmp_path)]) == 2
    assert not list(tmp_path.rglob("config.yaml"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["evaluate", "nosuch"], "short"),
        (["watch", "short", "--out", "film.png"], ".gif"),
        (["export", "short", "--out", "agent.pt"], ".zip"),
        (["train", "mountain-car", "--set", "n_env=3"], "n_envs"),
        (["train", "mountain-car", "--set", "curriculum.kind=linnear"], "linear"),
        (["train", "mountain-car", "--set", "gamma=true"], "gamma"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(results, capsys, arguments, told):
    assert main(["rl", *arguments, "--results", str(results)]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
