"""Processes for trials; what runs in them is defined here, in a module that they can import."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from lab.errors import Interrupted, RunError, UserError
from lab.studies.pool import Ended, Job, Pool, cores


def report(folder, name):
    import torch

    (folder / name).write_text(f"{os.getpid()} {torch.get_num_threads()} {os.environ.get('OPENBLAS_NUM_THREADS')}")
    print("said")


def raise_user_error(folder):
    raise UserError("lr is\n -1")


def crash(folder):
    os.kill(os.getpid(), signal.SIGSEGV)


def leave(folder):
    os._exit(3)


def wait_for_ever(folder):
    signal.pause()


def some_end(folder):
    return {"b": RunError("out of\n room"), "c": Interrupted("stopped", signal.SIGTERM), "d": KeyError("forgotten")}


def linger(folder):
    threading.Thread(target=wait_until, args=((folder / "begun").exists,)).start()


def begin(folder):
    (folder / "begun").touch()


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(os.path.dirname(__file__))
    monkeypatch.setitem(sys.modules, "test_pool", sys.modules[__name__])
    for function in (report, raise_user_error, crash, leave, wait_for_ever, some_end, linger, begin):
        monkeypatch.setattr(function, "__module__", "test_pool")

    def make(*works):
        return [Job((f"j{i}",), tmp_path, work, tuple(arguments)) for i, (work, *arguments) in enumerate(works)]

    return make


def ends(pool, jobs):
    return {ended.key: ended for ended in pool.run(jobs) if ended is not None}


def test_each_job_has_a_single_threaded_process_of_its_own(jobs, tmp_path):
    work = jobs(*[(report, f"out{i}") for i in range(3)])
    with Pool(2, ["torch"]) as pool:
        assert ends(pool, work) == {f"j{i}": Ended(f"j{i}") for i in range(3)}
    said = [(tmp_path / f"out{i}").read_text().split() for i in range(3)]
    assert len({pid for pid, *_ in said} | {str(os.getpid())}) == 4
    assert {tuple(rest) for _, *rest in said} == {("1", "1")}
    assert (tmp_path / "logs" / "j0.log").read_text() == "said\n"


def test_a_job_that_dies_costs_only_itself(jobs):
    work = jobs((crash,), (raise_user_error,), (leave,), (report, "out"))
    with Pool(1, []) as pool:
        found = ends(pool, work)
    assert "SIGSEGV" in found["j0"].error
    assert found["j1"].error == "lr is -1"
    assert "exit status 3" in found["j2"].error
    assert found["j3"].error == ""


def test_a_job_of_several_trials_tells_how_each_ended(jobs, tmp_path):
    keys = ("a", "b", "c", "d")
    work = [replace(job, keys=keys) for job in jobs((some_end,))]
    log = work[0].log
    with Pool(1, []) as pool:
        assert ends(pool, work) == {
            "a": Ended("a"),
            "b": Ended("b", "out of room"),
            "c": Ended("c", stopped=True),
            "d": Ended("d", f"KeyError: 'forgotten'; see {log}"),
        }
    assert "KeyError" in log.read_text()
    with Pool(1, []) as pool:
        found = ends(pool, [replace(job, keys=keys) for job in jobs((crash,))])
    assert all("SIGSEGV" in found[key].error for key in keys)


def test_a_job_that_has_answered_holds_nothing_up(jobs, tmp_path):
    """Its process goes only when the next job has begun."""
    with Pool(1, []) as pool:
        assert list(ends(pool, jobs((linger,), (begin,)))) == ["j0", "j1"]
    assert (tmp_path / "logs" / "j0.log").read_text() == ""


def test_leaving_the_pool_ends_what_runs(jobs):
    with Pool(2, []) as pool:
        for ended in pool.run(jobs((wait_for_ever,), (wait_for_ever,))):
            assert ended is None
            processes = [process for _, process in pool._running.values()]
            break
    assert [process.exitcode for process in processes] == [-signal.SIGTERM] * 2


ORPHAN = """
import fcntl, signal, sys
from pathlib import Path
from lab.studies.pool import Job, Pool

def hang(folder):
    path = folder / "held"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        path.with_name("ready").touch()
        signal.pause()

if __name__ == "__main__":
    with Pool(1, []) as pool:
        for _ in pool.run([Job(("j",), Path(sys.argv[1]), hang)]):
            pass
"""


def wait_until(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_a_killed_parent_takes_its_jobs_along(tmp_path):
    script, held = tmp_path / "script.py", tmp_path / "held"
    script.write_text(ORPHAN)
    parent = subprocess.Popen([sys.executable, str(script), str(tmp_path)])
    wait_until((tmp_path / "ready").exists)

    def is_free():
        with held.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    assert not is_free()
    parent.kill()
    parent.wait()
    wait_until(is_free)


def test_no_jobs_is_no_error():
    assert list(Pool(1, []).run([])) == []
    assert cores() >= 1
