"""Trains the toy in children of this process and kills them; prints what each run left, for test_kill.py to compare.

usage: killing.py ROOT PRESET random KILLS SEED    kill one run at KILLS random instants, then let it end
       killing.py ROOT PRESET calls STRIDE         for every STRIDEth file operation, kill a run just before it
"""

import hashlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from toy_plugin import PLUGIN

from lab.training.config import load_yaml, resolve
from lab.training.loop import make_context, train
from lab.training.run import Run

OPERATIONS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.scandir", "shutil.rmtree"}
COMPLETE = 0


def work(root: Path, name: str, preset: Path) -> None:
    """Make the run, or go on with it, to its end."""
    config = resolve(PLUGIN.config_type(), load_yaml(preset))
    run = Run.open(root / name) if (root / name).exists() else Run.create(root, name, "toy", config)
    train(PLUGIN, run, make_context(run, config), warn=lambda message: None)


def child(root: Path, name: str, preset: Path, die_at: int | None = None) -> int:
    """The process id of a child that does the work, and dies just before its ``die_at``th file operation."""
    pid = os.fork()
    if pid:
        return pid
    operations = 0

    def count(event: str, args: tuple[object, ...]) -> None:
        nonlocal operations
        if event in OPERATIONS and args and str(args[0]).startswith(str(root)):
            operations += 1
            if operations == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    try:
        work(root, name, preset)
        os._exit(COMPLETE)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(70)


def finish(pid: int) -> int:
    """How the child ended: 0, or minus the signal."""
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (COMPLETE, -signal.SIGKILL), f"the child failed with {status}"
    return status


def left(path: Path) -> dict[str, str]:
    """The sums of all that must not depend on kills: the logs and the last checkpoint."""
    last = sorted(path.glob("checkpoints/0*"))[-1]
    files = [path / "metrics.jsonl", path / "events.jsonl", *sorted(last.iterdir())]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files} | {"last": last.name}


def main(root: Path, preset: Path, how: str, *numbers: str) -> None:
    """Print the reference's remains, then those of each killed run, one JSON object a line."""
    torch.set_num_threads(1)
    torch.optim.Adam([torch.nn.Parameter(torch.ones(1))])  # its slow first use, before any fork
    since = time.monotonic()
    assert finish(child(root, "whole", preset)) == COMPLETE
    lasts = time.monotonic() - since
    print(json.dumps({"kills": 0, **left(root / "whole")}))
    if how == "random":
        kills, chance = int(numbers[0]), random.Random(int(numbers[1]))
        for _ in range(kills):
            pid = child(root, "killed", preset)
            time.sleep(chance.uniform(0, 2 * lasts / kills))
            os.kill(pid, signal.SIGKILL)
            finish(pid)
        assert finish(child(root, "killed", preset)) == COMPLETE
        print(json.dumps({"kills": kills, **left(root / "killed")}))
        return
    at = 1
    while finish(child(root, f"killed-{at}", preset, at)) != COMPLETE:
        assert finish(child(root, f"killed-{at}", preset)) == COMPLETE
        print(json.dumps({"kills": at, **left(root / f"killed-{at}")}))
        at += int(numbers[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
