"""Studies on Ray: the numbers of the local engine, whatever dies on the way, and nothing left behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from lab.cli.main import main
from lab.studies.engines import LocalEngine
from lab.studies.model import load_study
from lab.studies.on_ray.attempt import Place, Report, attempt
from lab.studies.on_ray.carried import Cargo, Sender, unpack
from lab.studies.on_ray.engine import AT_ONCE, devices, room
from lab.studies.on_ray.keeper import LOOPBACK, kept
from lab.studies.trials import plan
from lab.training import plugins

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra ray")
LONG = ["seeds=1", *(f"set.{k}={n}" for k, n in {"steps": 8_000, "log_every": 100, "evaluate_every": 100}.items())]
LONG += ["set.checkpoint_every=500"]
"""Trials of a second or two, with checkpoints on the way."""
DEADLINE = 120.0


def wait_until(condition, what):
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"waited {DEADLINE} s for {what}"
        time.sleep(0.02)


@pytest.fixture
def words(study_file, tmp_path):
    def words_for(name, *more, changes=LONG):
        sets = [word for change in changes for word in ("--set", change)]
        return ["study", str(study_file), "--results", str(tmp_path / name), "--jobs", "2", *sets, *more]

    return words_for


@pytest.fixture
def start(tiny_package, words):
    """Starts ``lab study --engine ray`` as a process of its own."""
    started = []

    def run(name, *more, changes=LONG):
        paths = os.pathsep.join(filter(None, (str(tiny_package), os.environ.get("PYTHONPATH", ""))))
        process = subprocess.Popen(
            [sys.executable, "-m", "lab.cli.main", *words(name, "--engine", "ray", *more, changes=changes)],
            env={**os.environ, "PYTHONPATH": paths},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def stat(pid):
    """Parent, session and state of a process; None where there is none."""
    try:
        rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(rest[1]), int(rest[3]), rest[0]


def alive(session):
    """Processes of a session, without those that only wait for init to take note of their end."""
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if (found := stat(pid)) and found[1] == session and found[2] != "Z"]


def name_of(pid):
    """What the system calls a process; nothing where it has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""


def keeper_of(process):
    """The process, and session, in which this study's Ray is kept."""
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    (keeper,) = [pid for pid in pids if (found := stat(pid)) and found[0] == process.pid and found[1] == pid]
    return keeper


def trainers(runs):
    """Run directory -> the process that trains in it, of runs that have a checkpoint."""
    found = {}
    for path in {manifest.parents[2] for manifest in runs.glob("*/checkpoints/*/manifest.json")}:
        pid = int((path / "lock").read_text().strip() or 0)
        if stat(pid):
            found[path] = pid
    return found


def worker_of(pid):
    """The worker of Ray that a trial's process belongs to."""
    while not Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::"):
        pid = stat(pid)[0]
        assert pid > 1
    return pid


def logs(folder):
    return {path.parent.name: path.read_bytes() for path in folder.glob("runs/descent/*/metrics.jsonl")}


@needs_ray
@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_the_study_and_a_worker_are_killed_and_it_ends_as_the_local_one(start, words, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert main(words("whole")) == 0

    study = start("cut")
    wait_until(lambda: trainers(cut / "runs" / "descent") or study.poll() is not None, "a trial under way")
    assert study.poll() is None, study.communicate()
    session = keeper_of(study)
    assert len(alive(session)) > 3
    study.kill()
    wait_until(lambda: not alive(session), "everything that the killed study had started to end")

    study = start("cut")
    wait_until(lambda: trainers(cut / "runs" / "descent") or study.poll() is not None, "a trial under way again")
    assert study.poll() is None, study.communicate()
    session = keeper_of(study)
    os.kill(worker_of(next(iter(trainers(cut / "runs" / "descent").values()))), signal.SIGKILL)
    _, err = study.communicate(timeout=DEADLINE)
    assert study.returncode == 0, err
    assert "failed" not in err
    assert not alive(session)
    for name in ("trials.csv", "summary.json"):
        assert (cut / "descent" / name).read_bytes() == (whole / "descent" / name).read_bytes()
    assert logs(cut) == logs(whole)
    assert not list((cut / "runs" / "descent").glob(".place-*"))


@needs_ray
@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("part", ["raylet", "gcs_server"])
def test_the_end_of_ray_itself_is_no_failure_of_trials(part, start, words, tmp_path):
    cut, longer = tmp_path / "cut", ["seeds=1", "set.steps=40000", "set.checkpoint_every=500"]
    study = start("cut", changes=longer)
    runs = cut / "runs" / "descent"
    wait_until(lambda: len(trainers(runs)) == 2 or study.poll() is not None, "two trials under way")
    assert study.poll() is None, study.communicate()
    session = keeper_of(study)
    (pid,) = [pid for pid in alive(session) if name_of(pid).startswith(part)]
    os.kill(pid, signal.SIGKILL)
    _, err = study.communicate(timeout=DEADLINE)
    assert study.returncode == 1
    assert "lab: Ray on this machine ended; the same command goes on" in err
    assert "Traceback" not in err
    wait_until(lambda: not alive(session), "everything of that Ray to end")
    table = cut / "descent" / "trials.csv"
    assert ",failed," not in table.read_text()
    assert main(words("cut", changes=longer)) == main(words("whole", changes=longer)) == 0
    assert table.read_bytes() == (tmp_path / "whole" / "descent" / "trials.csv").read_bytes()


@needs_ray
@pytest.mark.slow
def test_only_who_has_the_token_gets_in(monkeypatch):
    """Other users of this machine reach its loopback too, and a Ray runs what it is sent."""
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)  # and again at the end of the test
    enter = [sys.executable, "-c", "import sys, ray; ray.init(address=sys.argv[1], log_to_driver=False)"]
    strange = os.environ | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64} | LOOPBACK | AT_ONCE
    with kept(1, 0) as address:
        own = subprocess.run([*enter, address], env=os.environ | LOOPBACK, capture_output=True, text=True)
        other = subprocess.run([*enter, address], env=strange, capture_output=True, text=True)
    assert own.returncode == 0, own.stderr
    assert other.returncode != 0
    assert "nauthenticated" in other.stderr


def test_a_trial_has_room_on_one_machine_or_on_none():
    """Two machines of one CPU each have none for a trial that asks for two, and it would wait for ever."""
    machines = [{"CPU": 1.0}, {"CPU": 1.0}, {"CPU": 8.0, "GPU": 1.0}]
    assert [room(machine, 2.0, 0.0) for machine in machines] == [0, 0, 4]
    assert [room(machine, 1.0, 0.25) for machine in machines] == [0, 0, 4]
    assert room({"CPU": 8.0, "GPU": 1.0}, 0.1, 0.1) == 10


@needs_ray
@pytest.mark.skipif(devices() > 0, reason="needs a machine without a GPU")
def test_gpus_that_are_not_there_are_not_given_out(tiny, words, tmp_path, capfd):
    assert main(words("r", "--engine", "ray", "--trial-gpus", "1")) == 2
    assert "--trial-gpus is 1; this machine has 0 GPUs" in capfd.readouterr().err
    assert not (tmp_path / "r").exists()


@needs_ray
@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_ctrl_c_saves_every_trial_and_leaves_nothing(start, tmp_path):
    runs = tmp_path / "cut" / "runs" / "descent"
    study = start("cut", changes=[*LONG, "set.steps=1000000"])
    wait_until(lambda: len(trainers(runs)) == 2 or study.poll() is not None, "two trials under way")
    assert study.poll() is None, study.communicate()
    session = keeper_of(study)
    os.killpg(study.pid, signal.SIGINT)
    _, err = study.communicate(timeout=DEADLINE)
    assert study.returncode == 130
    assert "the same command goes on" in err
    assert "Traceback" not in err
    assert "failed" not in err
    assert not alive(session)
    assert all('"interrupted"' in (path / "events.jsonl").read_text() for path in runs.glob("*-s0"))


@pytest.fixture
def job(tiny, study_file, tmp_path):
    """A trial that a worker is to run which does not see the study's folder; and what it leaves when run here."""
    study = load_study(study_file, LONG)
    trials = plan(study, plugins.trainer("tiny"), tmp_path / "study")
    (first, *_) = LocalEngine().deal(study, trials, 1, None)
    (other, *_) = LocalEngine().deal(study, plan(study, plugins.trainer("tiny"), tmp_path / "here"), 1, None)
    other.work(other.folder, *other.arguments)
    return first, other


def same(left, right):
    """Whether two run directories hold the same checkpoints and logs."""
    files = [path for path in left.rglob("*") if path.is_file() and path.name not in ("timing.jsonl", "lock")]
    names = {path.relative_to(left) for path in files if path.parent.parent.name == "checkpoints"}
    assert names == {path.relative_to(right) for path in right.glob("checkpoints/*/*")}
    names |= {Path(name) for name in ("metrics.jsonl", "config.yaml")}
    return [str(name) for name in names if (left / name).read_bytes() != (right / name).read_bytes()] == []


def test_a_worker_of_another_machine_is_lost_and_the_next_goes_on_from_its_last_checkpoint(job):
    away, here = job
    place = Place(away.folder)  # bears no mark: as if on another machine
    reports = attempt(away, place, Cargo(), [], 0)
    run = away.folder / away.keys[0]
    while not list(run.glob("checkpoints/*")):
        unpack(next(reports).cargo, away.folder)
    reports.close()
    first, *later = sorted((run / "checkpoints").iterdir())
    for path in later:  # a busy machine hands over several at once, the last one too
        shutil.rmtree(path)
    before = int(first.name)
    assert 0 < before < 8_000

    begun = Sender(away.folder, away.keys).pack()
    *_, last = [unpack(report.cargo, away.folder) or report for report in attempt(away, place, begun, [], 0)]
    assert isinstance(last, Report)
    assert [(end.key, end.error) for end in last.ends] == [(away.keys[0], "")]
    assert same(here.folder / here.keys[0], run)
    assert f'"from_step": {before}' in (run / "provenance.json").read_text()


def test_what_failed_elsewhere_is_told_by_the_study_s_own_paths(job):
    away, _ = job
    trial = away.arguments[2]
    broken = replace(trial, config=trial.config.model_copy(update={"bug_at": 7}))
    away = replace(away, arguments=(*away.arguments[:2], broken, None))
    *_, last = [unpack(r.cargo, away.folder) or r for r in attempt(away, Place(away.folder), Cargo(), [], 0)]
    assert last.ends[0].error == f"KeyError: 'forgotten'; see {away.log}"
    assert "KeyError" in away.log.read_text()


@needs_ray
def test_an_address_where_no_ray_is_fails_in_seconds_and_begins_nothing(tiny, words, tmp_path, capfd):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for address, said in [
        (f"127.0.0.1:{port}", "cannot be reached"),
        ("nowhere", "is no address; accepted: HOST:PORT"),
        ("127.0.0.1:99999", "is no address"),
    ]:
        began = time.monotonic()
        assert main(words("r", "--engine", "ray", "--address", address)) == 2
        error = capfd.readouterr().err
        assert said in error
        assert error.count("\n") == 1
        assert time.monotonic() - began < 30
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection, and says nothing
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        assert main(words("r", "--engine", "ray", "--address", address)) == 2
    assert "timed out" in capfd.readouterr().err
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--address", "127.0.0.1:1"], "--address: it needs --engine ray"),
        (["--engine", "stacked", "--trial-cpus", "2"], "--trial-cpus: it needs --engine ray"),
        pytest.param(["--engine", "ray", "--trial-cpus", "0"], "--trial-cpus is 0", marks=needs_ray),
        pytest.param(["--engine", "ray", "--trial-cpus", "inf"], "--trial-cpus is inf; accepted", marks=needs_ray),
        pytest.param(["--engine", "ray", "--trial-gpus", "1.5"], "a part of one, or a whole number", marks=needs_ray),
        pytest.param(["--engine", "ray", "--trial-gpus", "nan"], "--trial-gpus is nan", marks=needs_ray),
        pytest.param(
            ["--engine", "ray"],
            "pip install 'phase-lab[ray]'",
            marks=pytest.mark.skipif(find_spec("ray") is not None, reason="the extra ray is installed"),
        ),
    ],
)
def test_options_that_make_no_sense_are_one_line(options, said, tiny, words, tmp_path, capfd):
    assert main(words("r", *options)) == 2
    error = capfd.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "r").exists()
