"""The W&B mirror, offline: one W&B run that holds the log's rows, each once, and a run that does not notice it."""

import json
import os
import random
import struct
import subprocess
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_loop import Stops, begin, bytes_of, go, interrupt

from lab.errors import Interrupted
from lab.training.jsonlines import read
from lab.training.mirrors import TensorBoard, WeightsAndBiases
from lab.training.mirrors.log import MirroredLog
from lab.training.run import Run

Lab = Callable[..., "subprocess.CompletedProcess[str]"]
BLOCK = 1 << 15
MISSING = "raise ModuleNotFoundError(\"No module named 'wandb'\")"


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """W&B that reaches no network, and finds nobody's settings or credentials."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")  # as the mirror would set it, for good
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def wandb() -> Any:
    return pytest.importorskip("wandb")


def mirrored(run: Run, said: list[str] | None = None) -> Run:
    heard = [] if said is None else said
    run = Run.open(run.path)
    run.metrics = MirroredLog(run.metrics.path, [WeightsAndBiases(run)], heard.append)
    return run


def records(run: Run) -> Iterator[Any]:
    """What the only W&B file of a run holds: it is LevelDB's log of protocol buffers, after a header of seven bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    (path,) = run.path.glob("wandb/*/*.wandb")
    data, at, whole = path.read_bytes(), 7, b""
    while at < len(data):
        if BLOCK - at % BLOCK < 7:
            at += BLOCK - at % BLOCK
            continue
        size, kind = struct.unpack_from("<HB", data, at + 4)
        whole += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # the record, or its last part
            yield Record.FromString(whole)
            whole = b""


def kept(run: Run, kind: str) -> list[Any]:
    """The run's records of one kind."""
    return [getattr(record, kind) for record in records(run) if record.HasField(kind)]


def shown(run: Run) -> list[dict[str, float]]:
    """The rows that W&B shows."""
    found = []
    for row in kept(run, "history"):
        values = {"".join(item.nested_key): json.loads(item.value_json) for item in row.item}
        found.append({"step": values.pop("_step")} | {k: v for k, v in values.items() if k[0] != "_"})
    return found


def logged(run: Run) -> list[dict[str, Any]]:
    return list(read(run.metrics.path))


def generators() -> tuple[Any, ...]:
    _, keys, *rest = np.random.get_state()  # the global one, which nobody may touch
    return random.getstate(), bytes(keys), rest, bytes(torch.get_rng_state().numpy())


def test_it_shows_the_log_and_changes_no_bit_of_the_run(wandb: Any, tmp_path: Path) -> None:
    plain, run = begin(tmp_path, "plain"), mirrored(begin(tmp_path, "mirrored"))
    go(plain)
    before = generators()
    go(run)
    assert generators() == before
    assert len(logged(run)) == 7
    assert shown(run) == logged(run)
    assert bytes_of(run) == bytes_of(plain)
    assert {path.name for path in run.path.iterdir()} - {path.name for path in plain.path.iterdir()} == {"wandb"}


def test_what_w_and_b_is_told_of_a_run(wandb: Any, tmp_path: Path) -> None:
    run = mirrored(begin(tmp_path, "ring-s0"))
    go(run)
    told = kept(run, "run")[0]
    assert (told.project, told.display_name) == ("phase-lab", "ring-s0")
    config = {item.key: json.loads(item.value_json) for item in told.config.update}
    assert {key: config[key] for key in run.config} == run.config
    assert [end.exit_code for end in kept(run, "exit")] == [0]
    assert not [kind for kind in ("stats", "files", "environment", "output", "output_raw") if kept(run, kind)]
    assert not told.git.commit


def test_the_project_of_the_environment(wandb: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    run = mirrored(begin(tmp_path))
    go(run)
    assert kept(run, "run")[0].project == "mine"


def test_after_a_kill_and_a_stop_it_is_the_same_w_and_b_run_with_each_row_once(
    wandb: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of steps 50 to 60 are logged and mirrored, but no checkpoint knows them: they are gone from both."""
    monkeypatch.chdir(tmp_path)
    run, plain = begin(Path()), begin(Path(), "plain")
    with pytest.raises(RuntimeError, match="killed"):
        go(mirrored(run), Stops(55, _fail))
    assert shown(run)[-1]["step"] == 50
    first = kept(run, "run")[0].run_id
    with pytest.raises(Interrupted):
        go(mirrored(run), Stops(45, interrupt))
    assert [row["step"] for row in shown(run)] == [10, 20, 25, 30, 40]
    assert [end.exit_code for end in kept(run, "exit")] == [1]  # not shown as if it were complete
    go(mirrored(run))
    assert shown(run) == logged(run)
    assert [row["step"] for row in shown(run)] == [10, 20, 25, 30, 40, 50, 60]
    assert kept(run, "run")[0].run_id == first
    go(plain)
    assert bytes_of(run) == bytes_of(plain)


def _fail() -> None:
    raise RuntimeError("killed")


def test_runs_of_one_name_are_two(wandb: Any, tmp_path: Path) -> None:
    runs = [mirrored(begin(tmp_path / place, "run")) for place in "ab"]
    for run in runs:
        go(run)
    assert len({kept(run, "run")[0].run_id for run in runs}) == 2


def test_nan_and_infinities(wandb: Any, tmp_path: Path) -> None:
    run, said = begin(tmp_path), list[str]()
    log = mirrored(run, said).metrics
    log.truncate(0)
    log.append({"step": 1, "low": float("-inf"), "nan": float("nan")})
    log.append({"step": 2, "low": 1.0, "nan": float("inf")})
    log.close()
    first, second = shown(run)
    assert (first["low"], str(first["nan"])) == (float("-inf"), "nan")
    assert (second["low"], second["nan"]) == (1.0, float("inf"))
    assert said == []


def test_where_nobody_is_logged_in_it_is_told_once_and_the_run_goes_on(
    wandb: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    plain, run, said = begin(tmp_path, "plain"), begin(tmp_path), list[str]()
    assert go(mirrored(run, said)).step == 60
    (line,) = said
    assert "wandb is no longer written (RuntimeError: W&B is online, and nobody is logged in ('wandb login'))" in line
    go(plain)
    assert bytes_of(run) == bytes_of(plain)


def test_a_folder_that_cannot_be_made(wandb: Any, tmp_path: Path) -> None:
    """W&B itself would write to the system's temporary directory."""
    run, said = begin(tmp_path), list[str]()
    (run.path / "wandb").write_text("in the way")
    assert go(mirrored(run, said)).step == 60
    (line,) = said
    assert "wandb is no longer written (FileExistsError: " in line


def test_a_mirror_that_is_given_up_leaves_the_other(wandb: Any, tmp_path: Path) -> None:
    run, said = begin(tmp_path), list[str]()
    (run.path / "tensorboard").write_text("in the way")
    run.metrics = MirroredLog(run.metrics.path, [TensorBoard(run), WeightsAndBiases(run)], said.append)
    go(run)
    (line,) = said
    assert "tensorboard is no longer written" in line
    assert shown(run) == logged(run)


@pytest.mark.slow
def test_a_process_of_w_and_b_that_dies_is_told_once_and_the_run_ends_well(
    wandb: Any, lab: Lab, tmp_path: Path
) -> None:
    (tmp_path / "site" / "sitecustomize.py").write_text(DIES)
    done = lab("toy", "train", "line", "--wandb", "--quiet", "--set", "steps=60")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("lab: warning: ")
    assert "wandb is no longer written (ConnectionResetError: Connection lost); the run goes on" in line
    assert "mirror:" not in done.stdout
    assert len(logged(Run(tmp_path / "results" / "runs" / "line-s0"))) > 1


DIES = """
from lab.training.mirrors.wandb import WeightsAndBiases

def write(self, rows, write=WeightsAndBiases.write):
    import os, signal, time, wandb
    children = open(f"/proc/self/task/{os.getpid()}/children").read().split()
    for child in children:
        if "wandb-core" in open(f"/proc/{child}/cmdline").read():
            os.kill(int(child), signal.SIGKILL)
            time.sleep(0.5)
    write(self, rows)

WeightsAndBiases.write = write
"""


def test_where_it_is_not_installed_one_line_names_the_extra_and_nothing_is_begun(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "site" / "wandb.py").write_text(MISSING)
    done = lab("toy", "train", "line", "--wandb")
    assert done.returncode == 2
    assert done.stderr == "lab: --wandb: No module named 'wandb'; install it: pip install 'phase-lab[wandb]'\n"
    assert not (tmp_path / "results").exists()


@pytest.mark.skipif(find_spec("wandb") is not None, reason="it is installed")
def test_a_folder_of_this_name_is_no_installation(lab: Lab, tmp_path: Path) -> None:
    """Such as W&B leaves wherever it is used."""
    (tmp_path / "wandb").mkdir()
    done = lab("toy", "train", "line", "--wandb")
    assert done.returncode == 2
    assert "install it: pip install 'phase-lab[wandb]'" in done.stderr


@pytest.mark.slow
def test_the_commands(wandb: Any, lab: Lab, tmp_path: Path) -> None:
    done = lab("toy", "train", "line", "--wandb", "--quiet", "--set", "steps=40")
    run = Run(tmp_path / "results" / "runs" / "line-s0")
    (folder,) = run.path.glob("wandb/offline-run-*")
    assert f"mirror:  wandb sync {folder}\n" in done.stdout
    assert done.stderr == ""
    config = run.path / "config.yaml"
    config.write_text(config.read_text().replace("steps: 40", "steps: 80"))
    done = lab("resume", "line-s0", "--quiet")  # goes on with the mirror unasked
    assert done.returncode == 0
    assert "is no longer written" not in done.stderr
    assert shown(run) == logged(run)
    assert logged(run)[-1]["step"] == 80
