"""The `lab` command in processes forked from one that has imported the trainers: real ones that need not import again.

A forked process has its own id, session, memory, environment, output and current directory; it can be killed at any
instant, and ends with the status that `lab` gives. Importing torch and the first use of an optimiser, four seconds of a
new interpreter, are spent once for all. What it does not show is how an interpreter starts and ends, and with another
seed of hashes: for this, tests start `python -m lab.cli.main`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

MODULES = ("lab.cli.main", "lab.reports.html", "lab.training.loop", "gan.trainer", "rl.trainer")


class Forker:
    """Starts processes, from a server that is ready once this is made."""

    def __init__(self) -> None:
        env = os.environ | {"OMP_NUM_THREADS": "1"}
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
            start_new_session=True,  # out of reach of Ctrl-C: it ends when nobody is left to ask
        )
        self._asked = 0
        assert self._answer() == "ready"

    def start(
        self,
        words: Sequence[str],
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        outputs: tuple[str, str] = (os.devnull, os.devnull),
    ) -> Process:
        """Start ``lab`` with these words; standard output and error go to the files ``outputs``."""
        request = {"words": words, "env": dict(env or os.environ), "cwd": str(cwd or os.getcwd()), "outputs": outputs}
        return Process(self.ask(start=request), self)

    def run(self, words: Sequence[str], env: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run ``lab`` to its end, as ``subprocess.run`` with ``capture_output`` would."""
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            status = self.start(words, env, cwd, (str(out), str(err))).wait()
            return subprocess.CompletedProcess(["lab", *words], status, out.read_text(), err.read_text())

    def ask(self, **request: Any) -> Any:
        """The server's answer; one to an earlier question, which a timeout kept from being read, is passed over."""
        self._asked += 1
        print(json.dumps({**request, "number": self._asked}), file=self._server.stdin, flush=True)
        number, answer = self._answer()
        while number != self._asked:
            number, answer = self._answer()
        return answer

    def _answer(self) -> Any:
        assert self._server.stdout
        return json.loads(self._server.stdout.readline())

    def close(self) -> None:
        """End the server, and what it started."""
        self._server.communicate()


@dataclass(frozen=True)
class Process:
    """A `lab` command under way."""

    pid: int
    forker: Forker

    def kill(self) -> None:
        """``kill -9``, for it and what it started."""
        assert self.pid > 1, "that would be everybody"
        os.killpg(self.pid, signal.SIGKILL)

    def poll(self) -> int | None:
        """Its exit status, minus the signal that ended it, or None while it runs."""
        return self.forker.ask(status=self.pid, wait=False)  # type: ignore[no-any-return]

    def wait(self) -> int:
        """Its exit status, or minus the signal that ended it."""
        return self.forker.ask(status=self.pid, wait=True)  # type: ignore[no-any-return]


def serve() -> None:
    """Answer requests, one a line, until nobody is left to ask; then end what still runs."""
    for name in MODULES:
        import_module(name)
    import torch

    torch.optim.Adam([torch.nn.Parameter(torch.ones(1))])  # its slow first use
    print(json.dumps("ready"), flush=True)
    ended: dict[int, int | None] = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "start" in request:
            pid = os.fork() or _become(**request["start"])
            ended[pid], answer = None, pid
        else:
            pid = request["status"]
            if ended[pid] is None and (found := os.waitpid(pid, 0 if request["wait"] else os.WNOHANG))[0]:
                ended[pid] = os.waitstatus_to_exitcode(found[1])
            answer = ended[pid]
        print(json.dumps([request["number"], answer]), flush=True)
    for pid in (pid for pid, status in ended.items() if status is None):
        os.killpg(pid, signal.SIGKILL)


def _become(words: list[str], env: dict[str, str], cwd: str, outputs: list[str]) -> NoReturn:
    """Be ``python -m lab.cli.main WORDS`` from here on."""
    os.setsid()
    for fd, path in enumerate([os.devnull, *outputs]):
        file = os.open(path, os.O_RDWR if fd == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, fd)
        os.close(file)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.path[0:1] = [cwd, *filter(None, env.get("PYTHONPATH", "").split(os.pathsep))]

    import numpy as np

    from lab.cli import main

    np.random.seed()  # from the system's entropy, as a new interpreter has it
    sys.argv = [main.__file__, *words]
    sys.modules["__main__"] = main  # what processes of a study begin with
    status: Any = 1
    try:
        status = main.main(words)
    except SystemExit as leaving:  # argparse, which has said why
        status = leaving.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 0)


if __name__ == "__main__":
    serve()
