"""Runs one case of a fuzzer in a process of its own, forked from a warm one, and says how it ended."""

from __future__ import annotations

import io
import os
import resource
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SECONDS = 5
MEMORY = 1 << 30
ACCEPTED = (0, 1, 2)
"""Exit statuses: done (the mutation did no harm), a run that failed for a reason told, a mistake told."""


@dataclass(frozen=True)
class Ending:
    """How a case ended: a word, and what it printed to standard error."""

    word: str
    said: str


def run_case(work: Callable[[], int]) -> Ending:
    """Fork, limit time and memory, do ``work`` (which returns an exit status), and judge what came of it."""
    with tempfile.TemporaryFile() as shown:
        child = os.fork()
        if child == 0:
            os._exit(_in_child(work, shown.fileno()))
        _, status, usage = os.wait4(child, 0)
        shown.seek(0)
        said = shown.read(1 << 20).decode(errors="replace")
    grown = usage.ru_maxrss - resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Ending("memory" if grown > MEMORY >> 10 else _judge(status, said), said)


def _in_child(work: Callable[[], int], stderr: int) -> int:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(SECONDS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    # Address space is asked for more freely than memory: the judgement is by what was used.
    resource.setrlimit(resource.RLIMIT_AS, (used + 4 * MEMORY, used + 4 * MEMORY))
    os.dup2(stderr, 2)
    sys.stderr = io.TextIOWrapper(
        os.fdopen(2, "wb", buffering=0, closefd=False), errors="backslashreplace", write_through=True
    )
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (until the process ends)
    try:
        return work() & 0xFF
    except SystemExit as stop:
        return int(stop.code or 0)
    except MemoryError:
        sys.stderr.write("MemoryError\n")
        return 99
    except BaseException:
        traceback.print_exc()
        return 98


def _judge(status: int, said: str) -> str:
    if os.WIFSIGNALED(status):
        return "hang" if os.WTERMSIG(status) == signal.SIGALRM else f"crash by signal {os.WTERMSIG(status)}"
    code = os.WEXITSTATUS(status)
    if "Traceback (most recent call last)" in said:
        return "traceback"
    if code == 99:
        return "memory"
    if code not in ACCEPTED:
        return f"status {code}"
    errors = [line for line in said.splitlines() if line.startswith("lab:") and not line.startswith("lab: warning:")]
    if code == 2 and len(errors) != 1:
        return f"{len(errors)} lines"
    return "refused" if code == 2 else "failed" if code == 1 else "harmless"


GOOD = ("refused", "harmless", "failed")


def report(name: str, endings: list[tuple[str, Ending]], verbose: bool = True) -> bool:
    """Print a summary and every bad ending; whether all was well."""
    counts = Counter(ending.word for _, ending in endings)
    bad = [(case, ending) for case, ending in endings if ending.word not in GOOD]
    if verbose:
        told = Counter(ending.said.strip().split("\n")[-1][:100] for _, ending in endings if ending.word == "failed")
        for words, count in told.most_common(8):
            print(f"failed, {count} times: {words}")
        for case, ending in bad[:20]:
            print(f"--- {ending.word}: {case}\n{ending.said[-1500:]}")
    print(f"{name}: {len(endings)} cases: " + ", ".join(f"{n} {word}" for word, n in counts.most_common()))
    return not bad
