"""Starts the processes of a run's workers by torch's elastic agent, which starts them again when one dies."""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lab.door import files
from lab.errors import RunError
from lab.training.run import Run

STATUS = "LAB_WORKERS_STATUS"
"""The environment variable that names the file in which worker 0 writes its exit status.

Worker 0's own failures (a mistake of the user's, a NaN) must not look like a death to the agent, which would try again.
"""
SCRATCH = "LAB_WORKERS_SCRATCH"
"""The environment variable that names the directory in which workers make temporary ones."""
GRACE = 15
"""Seconds that workers have to save and end when they are asked to."""


def launch(run: Path, workers: int, words: Sequence[str], restarts: int, threads: int | None = None) -> int:
    """Train a run in so many processes on this machine; return worker 0's exit status, or 128 + a signal.

    Args:
        run: its directory.
        workers: how many.
        words: of the command line, for worker 0.
        threads: of each worker; by default as OMP_NUM_THREADS says, else one.
        restarts: how often all are started again, from the last average, when one dies.

    Raises:
        RunError: workers died more often than that.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    with tempfile.TemporaryDirectory(prefix="lab-launch-") as scratch, _outside():
        status = Path(scratch, "status")
        os.environ |= {STATUS: str(status), "OMP_NUM_THREADS": str(threads or os.environ.get("OMP_NUM_THREADS", 1))}
        os.environ[SCRATCH] = scratch  # goes with the launcher, even if a worker is killed
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=workers,
            logs_specs=DefaultLogsSpecs(log_dir=scratch),
            run_id=f"lab-{os.getpid()}",
            rdzv_backend="c10d",
            rdzv_endpoint="127.0.0.1:0",
            local_addr="127.0.0.1",
            max_restarts=restarts,
            shutdown_timeout=GRACE,
        )
        command = ["-m", "lab.cli.main", "distributed", "work", str(run), *words]
        try:
            elastic_launch(config, sys.executable)(*command)
        except SignalException as stopped:
            return 128 + int(stopped.sigval)
        except ChildFailedError:
            raise RunError(
                f"workers died more often than {restarts} times; lab resume {Run(run).mention} goes on from the last "
                "average"
            ) from None
        finally:
            os.environ.pop(STATUS, None)
            os.environ.pop(SCRATCH, None)
        return int(files.read(status, 64))


class _outside:  # noqa: N801  (a context, used like a function)
    """The agent sets handlers of its own and leaves them, and logs what workers have said in a line."""

    def __enter__(self) -> None:
        self._disabled = logging.root.manager.disable
        logging.disable(logging.ERROR)
        self._before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def __exit__(self, *error: object) -> None:
        logging.disable(self._disabled)
        for each, handler in self._before.items():
            signal.signal(each, handler)


def ended(status: int) -> int:
    """What a worker's process ends with, so that its agent does not take a failure of the run for a death."""
    if (place := os.environ.get(STATUS)) is None:
        return status
    Path(place).write_text(str(status))
    return 0
