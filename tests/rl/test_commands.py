import io
import json
import pickle
import subprocess
import sys
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lab.cli.main import main
from lab.training.run import Run
from rl.commands import load

TINY = ["--set", "steps=512", "--set", "n_steps=16", "--set", "batch_size=64", "--set", "max_episode_steps=15"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A results directory with one short run, trained by the command."""
    root = tmp_path_factory.mktemp("results")
    command = ["rl", "train", "mountain-car", *TINY, "--name", "short", "--results", str(root), "--quiet"]
    assert main(command) == 0
    plain = ["rl", "train", "cartpole", "--set", "task=CartPole-v1", *TINY[:6], "--set", "axes={}", "--name", "plain"]
    assert main([*plain, "--results", str(root), "--quiet"]) == 0
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


AGENTS = {
    "ppo": ("mountain-car", ["n_steps=16", "batch_size=64"], "stable_baselines3.PPO"),
    "sac": ("pendulum", ["agent={agent: sac, learning_starts: 20, hidden: [8]}", "normalise_observations=true"],
            "stable_baselines3.SAC"),
    "dqn": ("cartpole", ["agent={agent: dqn, learning_starts: 20}", "voices={learning_rate: 1.0e-3}"],
            "stable_baselines3.DQN"),
    "recurrent": ("pendulum", ["agent={agent: recurrent_ppo, n_steps: 16, batch_size: 64, lstm_hidden_size: 8}"],
                  "sb3_contrib.RecurrentPPO"),
}  # fmt: skip


@pytest.mark.parametrize("agent", AGENTS)
def test_plain_sb3_loads_an_exported_agent_that_acts_identically(tmp_path, capsys, agent):
    preset, changes, kind = AGENTS[agent]
    pytest.importorskip(kind.partition(".")[0])
    sets = [word for change in ["steps=256", "max_episode_steps=40", *changes] for word in ("--set", change)]
    results = ["--results", str(tmp_path)]
    assert main(["rl", "train", preset, *sets, "--name", "short", *results, "--quiet"]) == 0
    out = tmp_path / "agent.zip"
    assert main(["rl", "export", "short", "--out", str(out), *results]) == 0
    assert f"{kind}.load" in capsys.readouterr().out
    code, seen = Path(__file__).with_name("plain_sb3.py"), tmp_path / "seen.npz"
    subprocess.run([sys.executable, str(code), kind, str(out), str(seen)], check=True, timeout=120)
    act, theirs = load(Run.open(tmp_path / "runs" / "short")).act, np.load(seen)
    assert len(theirs["observations"]) == 20
    ours = [
        act(observations, starts) for observations, starts in zip(theirs["observations"], theirs["starts"], strict=True)
    ]
    assert np.array_equal(ours, theirs["actions"])
    log = (tmp_path / "runs" / "short" / "metrics.jsonl").read_text().splitlines()
    rates = [row["voice/learning_rate"] for row in map(json.loads, log) if "voice/learning_rate" in row]
    model = load(Run.open(tmp_path / "runs" / "short"), learns=True).model
    assert theirs["learns"][0] == pytest.approx(rates[-1])
    assert theirs["learns"][1:3].tolist() == [model._n_updates, model.num_timesteps]
    assert model._n_updates > 0
    assert len(theirs["learns"]) > 3
    assert all(theirs["learns"][3:] > 0), "the optimisers go on where they were"


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
        (["evaluate", "plain", "--difficulty", "0:1:3"], "--difficulty: CartPole-v1 has none; leave it out"),
        (["watch", "plain", "--out", "film.gif", "--difficulty", "0.3"], "--difficulty: CartPole-v1 has none"),
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


def evaluated(capsys, *arguments):
    assert main(["rl", "evaluate", "short", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["watch", "short", "--out", "film.gif", "--seed", "-1"], "'-1': accepted: a whole number from 0"),
        (["evaluate", "short", "--episodes", "9" * 23], "accepted: at most 10,000"),
    ],
)
def test_a_number_out_of_range_is_refused_with_the_words(results, capsys, arguments, told):
    with pytest.raises(SystemExit) as ended:
        main(["rl", *arguments, "--results", str(results)])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_evaluate_takes_a_grid_of_difficulties_and_tells_intervals(results, capsys):
    where = ["--results", str(results), "--episodes", "6"]
    answer = evaluated(capsys, "--difficulty", "0:1:5", *where)
    assert [score["difficulty"] for score in answer["scores"]] == [0.0, 0.25, 0.5, 0.75, 1.0]
    for score in answer["scores"]:
        assert score["episodes"] == 6
        assert score["return_interval"][0] <= score["return"] <= score["return_interval"][1]
        assert score["success_interval"][0] <= score["success"] <= score["success_interval"][1]
        assert score["success_interval"][1] - score["success_interval"][0] > 0.3  # six episodes say little
    assert [s["difficulty"] for s in evaluated(capsys, "--difficulty", "0.5", *where)["scores"]] == [0.5]


@pytest.mark.parametrize("text", ["0:1", "0:1:0", "1:0:3", "0:2:3", "a", "0:1:3:4", "0:1:1"])
def test_what_is_no_grid_is_refused(results, capsys, text):
    with pytest.raises(SystemExit) as ended:
        main(["rl", "evaluate", "short", "--difficulty", text, "--results", str(results)])
    assert ended.value.code == 2
    assert "accepted: a difficulty in [0, 1], or A:B:N" in capsys.readouterr().err


def test_the_best_policy_and_those_of_the_troughs_can_be_played(tmp_path, capsys):
    rate = "voices.learning_rate={wave: cosine, low: 1.0e-4, high: 1.0e-3, clock: {period: 256}}"
    settings = [*TINY, "--set", rate, "--set", "ensemble_size=2", "--set", "evaluate_every=128", "--set", "steps=1024"]
    command = ["rl", "train", "cartpole", *settings, "--name", "short", "--results", str(tmp_path), "--quiet"]
    assert main(command) == 0
    kept = tmp_path / "runs" / "short" / "snapshots" / "policies"
    assert len(list((kept / "troughs").iterdir())) == 2
    capsys.readouterr()
    rows = [json.loads(line) for line in (tmp_path / "runs" / "short" / "metrics.jsonl").read_text().splitlines()]
    returns = {row["step"]: row["evaluation/return"] for row in rows if "evaluation/return" in row}
    (best,) = (kept / "best").iterdir()
    assert returns[int(best.name)] == max(returns.values())
    where = ["--results", str(tmp_path)]
    at_best = evaluated(capsys, "--policy", "best", *where)
    assert at_best["policy"] == "best"
    assert evaluated(capsys, "--policy", "ensemble", *where)["policy"] == "ensemble"
    out = tmp_path / "film.gif"
    assert main(["rl", "watch", "short", "--policy", "ensemble", "--out", str(out), *where]) == 0
    assert out.exists()


def test_an_ensemble_that_was_not_kept_and_one_that_cannot_be_are_told(results, capsys):
    assert main(["rl", "evaluate", "short", "--policy", "ensemble", "--results", str(results)]) == 2
    assert "troughs: no policy was kept" in capsys.readouterr().err
    assert main(["rl", "train", "mountain-car", "--set", "ensemble_size=3", "--results", str(results)]) == 2
    assert "ensemble_size: the learning rate has no trough" in capsys.readouterr().err


def exported(tmp_path, *changes):
    sets = [word for change in ["steps=256", "max_episode_steps=40", *changes] for word in ("--set", change)]
    where = ["--results", str(tmp_path)]
    assert main(["rl", "train", "mountain-car", *sets, "--name", "taught", *where, "--quiet"]) == 0
    assert main(["rl", "export", "taught", "--out", str(tmp_path / "agent.zip"), *where]) == 0
    return sets, where


@pytest.mark.parametrize("agent", ["ppo", "recurrent_ppo"])
def test_an_agent_that_sb3_saved_is_gone_on_with(tmp_path, capsys, agent):
    if agent == "recurrent_ppo":
        pytest.importorskip("sb3_contrib")
    sets, where = exported(tmp_path, f"agent={{agent: {agent}, n_steps: 16, batch_size: 64}}")
    beside = ["--normalisation", str(tmp_path / "agent.normalisation.json")]
    arguments = ["rl", "import", str(tmp_path / "agent.zip"), "mountain-car", *sets, "--name", "brought", *where]
    capsys.readouterr()
    assert main(arguments) == 2
    assert "--normalisation: is missing; accepted: the file that lab rl export writes" in capsys.readouterr().err
    assert main([*arguments, *beside]) == 0
    seen = np.random.default_rng(0).normal(0, 1, (100, 2)).astype(np.float32)
    taught, brought = (load(Run.open(tmp_path / "runs" / name)) for name in ("taught", "brought"))
    assert brought.step == 0
    assert np.array_equal(taught.act(seen), brought.act(seen))
    assert main(["resume", "brought", "--quiet", *where]) == 0
    assert load(Run.open(tmp_path / "runs" / "brought")).step == 256


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda place: place.write_bytes(b"no zip"), "cannot be read as a zip"),
        (lambda place: zipped(place, "other.pth", b""), "has no policy.pth; a zip that Stable-Baselines3 saved"),
        (lambda place: zipped(place, "policy.pth", pickle.dumps(print)), "policy.pth: cannot be read as a zip"),
        (lambda place: zipped(place, "policy.pth", saved(Fraction)), "policy.pth holds more than tensors"),
        (lambda place: zipped(place, "policy.pth", saved({"a": torch.ones(3)})), "its policy is another than"),
        (lambda place: zipped(place, "policy.pth", saved([1, 2])), "policy.pth is no dictionary of tensors"),
    ],
)
def test_what_is_no_agent_of_sb3s_is_one_line_and_leaves_no_run(tmp_path, capsys, spoil, told):
    spoil(tmp_path / "agent.zip")
    arguments = ["rl", "import", str(tmp_path / "agent.zip"), "mountain-car", "--results", str(tmp_path / "results")]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not list(tmp_path.rglob("config.yaml"))


def zipped(place, name, content):
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr(name, content)


def saved(value):
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()
