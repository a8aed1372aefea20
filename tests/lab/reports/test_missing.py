"""Run directories of which something is gone: there is a report all the same, and it says what is missing."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from synthetic import gan_run, rl_run

from lab.cli.main import main
from lab.errors import UserError
from lab.reports.html import render, report
from lab.reports.missing import missing
from lab.reports.runs import read_run
from lab.reports.sections import Section, run_section
from lab.training.run import Run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run as it was trained, of 60 steps in cycles of 10, checkpoints and snapshots at every 20."""
    root = tmp_path_factory.mktemp("results")
    small = "{network: mlp, width: 3, depth: 1}"
    sets = ("steps=60", "clock={period: 10}", f"generator={small}", f"discriminator={small}", "batch_size=32",
            "log_every=1", "evaluate_every=20", "checkpoint_every=20", "snapshot_every=20", "device=cpu")  # fmt: skip
    words = [word for each in sets for word in ("--set", each)]
    assert main(["gan", "train", "ring-quadrature", *words, "--quiet", "--results", str(root), "--name", "r"]) == 0
    return root / "runs" / "r"


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    """A copy to take something from."""
    return Path(shutil.copytree(whole, tmp_path / "r"))


def told(run: Path) -> Section:
    """The run's section, once it is sure that the page says what is missing, and shows the dynamics."""
    section = run_section(run)
    page = render([section], "r")
    assert ("What is missing" in page) == bool(section.missing)
    assert "Schedules, losses, outputs and gradients" in page
    return section


def test_of_a_whole_run_nothing_is_missing(run: Path) -> None:
    assert told(run).missing == []


@pytest.mark.parametrize("keep", [0.35, 0.9])
def test_a_log_cut_in_the_middle_of_a_line(run: Path, keep: float) -> None:
    log = run / "metrics.jsonl"
    text = log.read_bytes()
    end = text.index(b"\n", int(keep * len(text)))
    log.write_bytes(text[: end - 30])
    rows = [json.loads(line) for line in log.read_text().splitlines()[:-1]]
    section = told(run)
    cut, short = section.missing
    assert cut == "The last line of metrics.jsonl was cut off and is left out: it was not written to its end."
    assert short.startswith(f"The end of metrics.jsonl is missing: it ends at step {rows[-1]['step']}, and the newest ")
    assert "checkpoint is of step 60." in short
    assert f"{rows[-1]['step']} generator updates" in section.summary[0]
    assert len(section.figures) >= 3


def test_a_log_that_lost_whole_lines(run: Path) -> None:
    log = run / "metrics.jsonl"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:40]))
    (short,) = told(run).missing
    assert "it ends at step 40, and the newest checkpoint is of step 60." in short


def test_a_log_of_which_only_part_of_a_line_is_left(run: Path) -> None:
    (run / "metrics.jsonl").write_text('{"step": 1, "loss/gen')
    with pytest.raises(UserError, match="nothing to draw, metrics.jsonl has no rows yet"):
        report([run], run / "report.html")


def test_a_run_that_is_being_trained_may_be_in_the_middle_of_a_line(run: Path) -> None:
    with (run / "metrics.jsonl").open("a") as log:
        log.write('{"step": 61, "loss/gen')
    assert len(missing(read_run(run))) == 1
    holds = (
        "import sys; from lab.training.run import Run\nwith Run.open(sys.argv[1]).lock(): print(1, flush=True); input()"
    )
    command = [sys.executable, "-c", holds, str(run)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "1\n"
        assert missing(read_run(run)) == []
        owner.communicate("\n")


@pytest.mark.parametrize("gone", ["content", "folder", "damaged"])
def test_checkpoints_that_are_gone(run: Path, gone: str) -> None:
    if gone == "folder":
        shutil.rmtree(run / "checkpoints")
    for path in (run / "checkpoints").glob("*"):
        if gone == "content":
            shutil.rmtree(path)
        else:
            (path / "about.json").write_text("{}")
    (sentence,) = told(run).missing
    assert sentence.startswith("There is no whole checkpoint: the run cannot be gone on with")


@pytest.mark.parametrize("folder", [True, False])
def test_snapshots_that_are_gone(run: Path, folder: bool) -> None:
    shutil.rmtree(run / "snapshots")
    if not folder:
        (run / "snapshots").mkdir()
    section = told(run)
    (sentence,) = section.missing
    assert sentence == "There are no snapshots: what the run made as it trained cannot be shown."
    assert section.along is not None  # the phase portrait is in the log
    assert not section.along.columns[0].frames


def test_a_single_row(run: Path) -> None:
    log = run / "metrics.jsonl"
    log.write_text(log.read_text().splitlines(keepends=True)[0])
    section = told(run)
    assert any(each.startswith("metrics.jsonl has a single row: figures show a point") for each in section.missing)
    assert "its log has only 1 evenly spaced row, and 8 are needed" in section.blocks[0].sentences[0]


def test_everything_at_once(run: Path) -> None:
    log = run / "metrics.jsonl"
    log.write_text(log.read_text()[: log.read_text().index("\n") + 40])
    for name in ("checkpoints", "snapshots", "figures"):
        shutil.rmtree(run / name)
    for name in ("timing.jsonl", "events.jsonl"):
        (run / name).unlink()
    assert len(told(run).missing) == 4


def test_of_rl_no_snapshots_are_expected(tmp_path: Path) -> None:
    path = rl_run(tmp_path / "r")
    (sentence,) = run_section(path).missing
    assert sentence.startswith("There is no whole checkpoint")
    log = path / "metrics.jsonl"
    log.write_text(log.read_text().splitlines(keepends=True)[0])
    section: Section = run_section(path)
    assert len(section.missing) == 2
    assert section.figures


def test_runs_of_which_something_is_gone_are_compared(run: Path, tmp_path: Path) -> None:
    log = run / "metrics.jsonl"
    log.write_text(log.read_text().splitlines(keepends=True)[0])
    shutil.rmtree(run / "snapshots")
    other = gan_run(tmp_path / "other")
    page = report([run, other], tmp_path / "page.html").read_text()
    assert page.count("What is missing") == 2
    assert page.count("<canvas") == 1
    assert Run.open(other).name in page
