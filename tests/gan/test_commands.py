from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lab.cli.main import main
from lab.training import checkpoints
from lab.training.integrity import sealed

SETS = (
    "--set",
    "steps=4",
    "--set",
    "device=cpu",
    "--set",
    "evaluation_samples=50",
    "--set",
    "snapshot_samples=4",
    "--quiet",
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("results")
    for name in ("ring", "digits"):
        assert main(["gan", "train", name, *SETS, "--name", name, "--results", str(root), "--data-dir", str(root)]) == 0
    return root


def lab(results: Path, *args: str) -> int:
    return main(["gan", args[0], args[1], "--results", str(results), *args[2:]])


@pytest.mark.parametrize("run", ["ring", "digits"])
def test_samples_as_picture_array_and_table(results: Path, tmp_path: Path, run: str) -> None:
    for suffix in (".png", ".npz", ".csv"):
        assert lab(results, "sample", run, "--n", "10", "--out", str(tmp_path / f"out{suffix}")) == 0
    shape = (10, 2) if run == "ring" else (10, 8, 8)
    array = np.load(tmp_path / "out.npz")["samples"]
    assert array.shape == shape
    table = np.loadtxt(tmp_path / "out.csv", delimiter=",")
    np.testing.assert_allclose(table, array.reshape(10, -1), rtol=1e-6)
    assert min(Image.open(tmp_path / "out.png").size) > 100


def test_the_two_sets_of_weights_differ(results: Path, tmp_path: Path) -> None:
    for weights in ("average", "raw"):
        assert lab(results, "sample", "digits", "--weights", weights, "--out", str(tmp_path / f"{weights}.npz")) == 0
    arrays = [np.load(tmp_path / f"{weights}.npz")["samples"] for weights in ("average", "raw")]
    assert (arrays[0] != arrays[1]).any()


def test_evaluate_answers_in_json(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lab(results, "evaluate", "ring", "--json", "--samples", "100") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["step"] == 4
    assert answer["samples"] == 100
    assert answer.keys() >= {"modes", "good", "reverse_kl"}
    assert lab(results, "evaluate", "digits", "--samples", "100", "--data-dir", str(results)) == 0
    out = capsys.readouterr().out
    for score in ("frechet", "kernel", "precision", "recall", "density", "coverage", "mode_entropy", "share/9"):
        assert f"  {score} " in out


def test_a_run_of_another_trainer_is_refused(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(results / "runs" / "ring", tmp_path / "runs" / "agent")
    path = tmp_path / "runs" / "agent" / "provenance.json"
    path.write_text(json.dumps(sealed(json.loads(path.read_text()) | {"trainer": "rl"})))
    for words in (["sample", "agent", "--out", str(tmp_path / "x.png")], ["evaluate", "agent"]):
        assert lab(tmp_path, *words) == 2
        assert "a run of 'rl'; this command takes runs of 'gan'" in capsys.readouterr().err


def test_weights_that_overflow_have_no_score(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(results / "runs" / "ring", tmp_path / "runs" / "wild")
    where = tmp_path / "runs" / "wild" / "checkpoints"
    found = checkpoints.needed(where)
    found.state["ema"]["0.weight"].fill_(float("inf"))
    checkpoints.save(where, found.step + 1, found.state, found.about)
    assert lab(tmp_path, "evaluate", "wild") == 1
    assert "lab: the average weights of step 5 draw samples that are not finite" in capsys.readouterr().err


@pytest.mark.parametrize(
    "args",
    [
        ("sample", "nowhere", "--out", "x.png"),
        ("sample", "ring", "--out", "x.bmpp"),
        ("sample", "ring", "--out", "x.png", "--n", "0"),
        ("evaluate", "ring", "--samples", "1"),
        ("evaluate", "ring", "--seed", "-1"),
    ],
)
def test_mistakes_exit_2_with_one_line(
    results: Path, args: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert lab(results, *args) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("lab: ")
    assert captured.err.count("\n") == 1


def test_a_mistake_in_the_data_leaves_the_name_free(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    words = ["gan", "train", "digits", *SETS, "--set", f"data={{name: folder, path: {empty}}}"]
    assert main([*words, "--results", str(tmp_path), "--data-dir", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert list((tmp_path / "runs").iterdir()) == []


def test_average_last_and_ensemble_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["gan", "train", "ring", *SETS, "--set", "steps=9", "--set", "clock.period=4"]
    assert main([*words, "--name", "cycles", "--results", str(tmp_path)]) == 0
    assert lab(tmp_path, "evaluate", "cycles", "--weights", "all") == 0
    page = capsys.readouterr().out
    assert "average weights" in page
    assert "ensemble of 2" in page
    assert lab(tmp_path, "evaluate", "cycles", "--weights", "all", "--json") == 0
    rows = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [row["weights"] for row in rows] == ["average", "raw", "ensemble"]
    assert lab(tmp_path, "sample", "cycles", "--weights", "ensemble", "--out", str(tmp_path / "e.png")) == 0
    assert "64 samples of step 9 (ensemble of 2)" in capsys.readouterr().out


def test_an_ensemble_that_was_not_kept(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lab(results, "evaluate", "ring", "--weights", "ensemble") == 2
    assert "no generator was kept up to its checkpoint of step 4; ensemble_size is 5" in capsys.readouterr().err
    assert lab(results, "sample", "ring", "--ensemble", "--out", str(results / "e.png")) == 2
    assert "no generator was kept up to its checkpoint of step 4; ensemble_size is 5" in capsys.readouterr().err
    assert lab(results, "evaluate", "ring", "--weights", "all", "--json") == 0
    told = capsys.readouterr()
    assert [row["weights"] for row in json.loads(told.out.splitlines()[-1])] == ["average", "raw"]
    assert "no generator was kept, so there is no ensemble to score" in told.err
