"""Parts of a package of somebody else's, installed and named by YAML alone: adding a thing is one file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from forked import Forker

PACKAGE = Path(__file__).parent / "outside"
BROUGHT = {
    "gan": {"their_parts.data", "their_parts.losses", "their_parts.networks"},
    "rl": {"their_parts.tasks", "their_parts.teachers"},
    "supervised": {"their_parts.techniques"},
}
FIGURES = {
    "gan": {"dynamics", "portrait", "samples", "scores"},
    "rl": {"alignment", "heatmap", "target", "diagnostics"},
    "supervised": {"dynamics", "scores"},
}
SCORE = {
    "gan": "evaluation/ema/dark",
    "rl": "evaluation/success/0.00",
    "supervised": "ClippingPart/clipped",
}

Lab = Callable[..., str]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, forker: Forker) -> Lab:
    """Runs the `lab` command where the package is installed and the current directory is another."""
    root = tmp_path_factory.mktemp("outside")
    shutil.copytree(PACKAGE, root / "source")  # a build writes beside the sources
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index",
               "--no-deps", "--no-build-isolation", "--target", str(root / "site"), str(root / "source")]  # fmt: skip
    subprocess.run(install, check=True, timeout=120)
    shutil.rmtree(root / "source")
    path = os.pathsep.join([str(root / "site"), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = os.environ | {"PYTHONPATH": path, "LAB_RESULTS": str(root / "results")}
    (root / "elsewhere").mkdir()

    def run(*words: str | Path) -> str:
        arguments = [str(word) for word in words]
        if "train" in words:  # begins as the user's does: an interpreter that finds the package
            command = [sys.executable, "-m", "lab.cli.main", *arguments]
            done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=root / "elsewhere", timeout=120)
        else:
            done = forker.run(arguments, env, root / "elsewhere")
        assert done.returncode == 0, done.stderr
        return done.stdout

    run.results = root / "results"  # type: ignore[attr-defined]
    return run


def ending(run: Path) -> dict[str, bytes]:
    """Every byte of the last checkpoint and of the log."""
    last = max((run / "checkpoints").iterdir())
    return {path.name: path.read_bytes() for path in (*last.iterdir(), run / "metrics.jsonl")}


@pytest.mark.slow
@pytest.mark.parametrize("trainer", ["gan", "rl", "supervised"])
def test_parts_of_an_installed_package_train_resume_and_are_drawn(lab: Lab, trainer: str) -> None:
    lab(trainer, "train", PACKAGE / f"{trainer}.yaml", "--name", trainer, "--quiet", "--threads", "1")
    run: Path = lab.results / "runs" / trainer  # type: ignore[attr-defined]
    told = json.loads((run / "provenance.json").read_text())["own"]
    assert {part["module"] for part in told} == BROUGHT[trainer]
    assert {(part["distribution"], part["version"]) for part in told} == {("their-parts", "1.2.3")}

    killed = shutil.copytree(run, run.with_name(f"{trainer}-killed"))  # as a kill before its last checkpoint leaves it
    shutil.rmtree(max((killed / "checkpoints").iterdir()))
    lab("resume", killed, "--quiet")
    assert ending(killed) == ending(run)

    lab("plot", run)
    assert {path.stem for path in (run / "figures").iterdir()} >= FIGURES[trainer]
    columns = set().union(*(json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()))
    assert SCORE[trainer] in columns
