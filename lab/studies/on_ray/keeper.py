"""Keeps a Ray on this machine for one study: on the loopback alone, and gone when the study's process is.

Ray's agents outlive a process of Ray that is killed. So Ray is started by a process of its own, which adopts all of its
descendants (``PR_SET_CHILD_SUBREAPER``, prctl(2)) and waits for the end of its standard input: that ends with whoever
holds the other end of the pipe, ``kill -9`` included. Then it kills every descendant and deletes Ray's folder.

    python -m lab.studies.on_ray.keeper CPUS GPUS FOLDER

prints the address on a line of its own.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from lab.errors import RunError

STORE = 128 * 2**20
"""Bytes of Ray's object store: on one machine nothing but a trial's description goes through it."""
BEGIN = 120.0
"""Seconds that Ray may take to start; some, where nothing else is at work."""
WATCH = 1.0
"""Seconds between two looks at whether Ray's servers still run."""
LONGEST = 40
"""Characters of a folder under which Ray's sockets still have names that the system takes (107 in all)."""
PR_SET_CHILD_SUBREAPER = 36

LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""What lets Ray take 127.0.0.1 for its own address, on Linux too; it is read when Ray is imported."""
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""No reports of usage; and no warning that a task which asks for no GPU will see them all: ours hides them itself."""


@contextmanager
def kept(cpus: float, gpus: float) -> Iterator[str]:
    """A Ray of this machine with so many CPUs and GPUs to give; yields its address.

    It takes orders only with a token, as every user of the machine reaches its loopback. This process's environment has
    it from then on; where the user has set ``RAY_AUTH_TOKEN`` or ``RAY_AUTH_MODE``, those stay.

    Raises:
        RunError: it did not start.
    """
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    folder = _short_folder()
    words = [sys.executable, "-m", "lab.studies.on_ray.keeper", f"{cpus:g}", f"{gpus:g}", str(folder)]
    with (folder / "keeper.log").open("w") as log:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **_paths()},
            start_new_session=True,  # Ctrl-C is for the study, which asks its trials to stop
        )
    try:
        assert process.stdout is not None
        in_time = select.select([process.stdout], [], [], BEGIN)[0]
        address = process.stdout.readline().strip() if in_time else ""
        if not address:
            _end(process)
            said = (folder / "keeper.log").read_text(errors="replace").split("\n") if folder.exists() else []
            last = next((line.strip() for line in reversed(said) if line.strip()), "it said nothing")
            raise RunError(f"--engine ray: Ray did not start on this machine: {last}")
        yield address
    finally:
        _end(process)
        shutil.rmtree(folder, ignore_errors=True)


def _end(process: subprocess.Popen[str]) -> None:
    """Let the keeper kill its descendants and go."""
    with suppress(BrokenPipeError):  # it has gone by itself
        process.communicate()


def _short_folder() -> Path:
    place = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="lab-ray-", dir=place if len(place) < LONGEST else "/tmp"))


def _paths() -> Mapping[str, str]:
    """What this process imports from, the keeper and its workers import from too."""
    return {"PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path)}


def main(cpus: float, gpus: float, folder: str) -> None:
    """Start Ray, say where, wait, and end it."""
    _adopt()
    os.environ.update(LOOPBACK | QUIET)
    try:
        import ray

        context = ray.init(
            address="local",
            num_cpus=cpus,
            num_gpus=gpus,
            include_dashboard=False,
            object_store_memory=STORE,
            log_to_driver=False,
            logging_level="ERROR",
            _temp_dir=folder,
        )
        print(context.address_info["gcs_address"], flush=True)
        servers = [pid for pid in _children() if _command(pid).startswith(("gcs_server", "raylet"))]
        # Without its servers a process of Ray waits a minute, and then the study's is ended by Ray, without a word.
        while not select.select([sys.stdin], [], [], WATCH)[0] and all(map(_runs, servers)):
            pass
    finally:
        _kill_descendants()
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)  # Ray's own farewell would wait for what was killed


def _adopt() -> None:
    """Become the parent of every descendant whose own parent dies; on systems without that, Ray's own care is left."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _kill_descendants() -> None:
    """Kill until there is none: a child that is killed hands its own over to us."""
    while children := _children():
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.01)


def _command(pid: int) -> str:
    """Its name, as the system has it."""
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""


def _runs(pid: int) -> bool:
    """Whether it is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _children() -> list[int]:
    own = os.getpid()
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if _parent(path) == own]


def _parent(stat: Path) -> int | None:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
