"""The TensorBoard mirror: the same scalars as the log, each once, whatever happened to the process or to the mirror."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_loop import Stops, begin, bytes_of, go, interrupt

from lab.errors import Interrupted
from lab.training.jsonlines import read
from lab.training.mirrors import TensorBoard
from lab.training.mirrors.log import MirroredLog
from lab.training.run import Run

Lab = Callable[..., "subprocess.CompletedProcess[str]"]
Series = dict[str, list[tuple[int, float]]]


def mirrored(run: Run, said: list[str] | None = None) -> Run:
    heard = [] if said is None else said
    run = Run.open(run.path)
    run.metrics = MirroredLog(run.metrics.path, [TensorBoard(run)], heard.append)
    return run


def accumulator(run: Run) -> Any:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    return events.EventAccumulator(str(run.path / TensorBoard.name), size_guidance={"scalars": 0})


def shown(viewer: Any) -> Series:
    """What TensorBoard shows: column -> steps and values."""
    viewer.Reload()
    return {tag: [(e.step, e.value) for e in viewer.Scalars(tag)] for tag in viewer.Tags()["scalars"]}


def logged(run: Run) -> Series:
    """What the log holds, in TensorBoard's precision."""
    series: Series = {}
    for row in read(run.metrics.path):
        for name, value in row.items():
            if name != "step":
                series.setdefault(name, []).append((row["step"], pytest.approx(value, rel=1e-7)))
    return series


def test_it_shows_the_log_and_changes_no_bit_of_the_run(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    plain, run = begin(tmp_path, "plain"), mirrored(begin(tmp_path, "mirrored"))
    go(plain)
    go(run)
    assert shown(accumulator(run)) == logged(run)
    assert len(logged(run)["loss/net"]) == 7
    assert bytes_of(run) == bytes_of(plain)


def test_after_a_kill_no_row_is_shown_twice(tmp_path: Path) -> None:
    """The rows of steps 50 to 60 are logged and mirrored, but no checkpoint knows them: they are gone from both."""
    pytest.importorskip("tensorboard")
    run, plain = begin(tmp_path), begin(tmp_path, "plain")
    with pytest.raises(RuntimeError, match="killed"):
        go(mirrored(run), Stops(55, _fail))
    assert [row["step"] for row in read(run.metrics.path)][-1] == 50
    viewer = accumulator(run)  # TensorBoard runs beside, and has seen step 50
    assert shown(viewer)["loss/net"][-1][0] == 50
    with pytest.raises(Interrupted):
        go(mirrored(run), Stops(45, interrupt))
    assert shown(viewer) == shown(accumulator(run)) == logged(run)
    go(mirrored(run))
    assert shown(viewer) == shown(accumulator(run)) == logged(run)
    assert [step for step, _ in shown(viewer)["loss/net"]] == [10, 20, 25, 30, 40, 50, 60]
    go(plain)
    assert bytes_of(run) == bytes_of(plain)


def _fail() -> None:
    raise RuntimeError("killed")


def test_a_run_begun_without_it_is_mirrored_whole(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    run = begin(tmp_path)
    with pytest.raises(Interrupted):
        go(run, Stops(35, interrupt))
    go(mirrored(run))
    assert shown(accumulator(run)) == logged(run)


def test_a_mirror_that_cannot_be_written_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    run, said = begin(tmp_path), list[str]()
    (run.path / TensorBoard.name).write_text("in the way")
    assert go(mirrored(run, said)).step == 60
    (line,) = said
    assert f"{TensorBoard.name} is no longer written (FileExistsError: " in line
    assert len(list(read(run.metrics.path))) == 7


def test_a_disk_that_fills_up_under_the_mirror(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tensorboard")
    run, said = begin(tmp_path), list[str]()
    run = mirrored(run, said)
    assert isinstance(run.metrics, MirroredLog)
    (mirror,) = run.metrics.mirrors

    def fill() -> None:
        assert isinstance(mirror, TensorBoard)
        assert mirror._events is not None
        os.dup2(os.open("/dev/full", os.O_WRONLY), mirror._events._file.fileno())

    assert go(run, Stops(15, fill)).step == 60
    (line,) = said
    assert "No space left on device" in line
    assert "the run goes on" in line
    assert capfd.readouterr().err == ""
    assert len(list(read(run.metrics.path))) == 7


def test_where_it_is_not_installed_one_line_names_the_extra_and_nothing_is_begun(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "site" / "tensorboard.py").write_text("raise ModuleNotFoundError(\"No module named 'tensorboard'\")")
    done = lab("toy", "train", "line", "--tensorboard")
    assert done.returncode == 2
    assert done.stderr == (
        "lab: --tensorboard: No module named 'tensorboard'; install it: pip install 'phase-lab[tensorboard]'\n"
    )
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_a_resume_is_refused_only_where_it_was_asked_for(lab: Lab, forked_lab: Lab, tmp_path: Path) -> None:
    forked_lab("toy", "train", "line", "--quiet", "--set", "steps=20")
    (tmp_path / "site" / "tensorboard.py").write_text("raise ModuleNotFoundError(\"No module named 'tensorboard'\")")
    (tmp_path / "results" / "runs" / "line-s0" / TensorBoard.name).mkdir()
    assert "pip install 'phase-lab[tensorboard]'" in lab("resume", "line-s0", "--tensorboard").stderr
    done = lab("resume", "line-s0")
    assert done.returncode == 0
    assert "tensorboard is no longer written (ModuleNotFoundError: No module named 'tensorboard')" in done.stderr


@pytest.mark.slow
def test_the_commands(lab: Lab, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    done = lab("toy", "train", "line", "--tensorboard", "--quiet", "--set", "steps=40")
    run = Run(tmp_path / "results" / "runs" / "line-s0")
    assert f"mirror:  tensorboard --logdir {run.path / TensorBoard.name}\n" in done.stdout
    config = run.path / "config.yaml"
    config.write_text(config.read_text().replace("steps: 40", "steps: 80"))
    done = lab("resume", "line-s0", "--quiet")  # goes on with the mirror unasked
    assert done.returncode == 0, done.stderr
    assert shown(accumulator(run)) == logged(run)
    assert logged(run)["loss/net"][-1][0] == 80
