"""Runs one case of a fuzzer in a process of its own, forked from a warm one, and says how it ended."""

from __future__ import annotations

import io
import os
import re
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
"""Of processor time, so that a busy machine is no hang of ours."""
PATIENCE = 600
"""Seconds on the wall, after which a process that waits for something waits for ever."""
MEMORY = 1 << 30
ACCEPTED = (0, 1, 2)
"""Exit statuses: done (the mutation did no harm), a run that failed for a reason told, a mistake told."""


@dataclass(frozen=True)
class Ending:
    """How a case ended: a word, what it printed to standard error, the processor time and memory that it took."""

    word: str
    said: str
    seconds: float = 0.0
    megabytes: float = 0.0


def run_case(work: Callable[[], int]) -> Ending:
    """Fork, limit time and memory, do ``work`` (which returns an exit status), and judge what came of it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryFile() as shown:
        child = os.fork()
        if child == 0:
            os._exit(_in_child(work, shown.fileno()))
        _, status, usage = os.wait4(child, 0)
        shown.seek(0)
        said = shown.read(1 << 20).decode(errors="replace")
    grown = (usage.ru_maxrss - before) / 1024
    word = "memory" if grown > MEMORY >> 20 else _judge(status, said)
    return Ending(word, said, usage.ru_utime + usage.ru_stime, grown)


def _in_child(work: Callable[[], int], stderr: int) -> int:
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.alarm(PATIENCE)
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
        signum = os.WTERMSIG(status)
        return "hang" if signum in (signal.SIGALRM, signal.SIGPROF) else f"crash by signal {signum}"
    code = os.WEXITSTATUS(status)
    if "Traceback (most recent call last)" in said:
        return "traceback"
    if code == 99:
        return "memory"
    if code not in ACCEPTED:
        return f"status {code}"
    lines = [line for line in said.splitlines() if line.strip() and not ALLOWED.match(line)]
    if len(lines) != (code != 0) or not all(line.startswith("lab: ") for line in lines):
        return f"{len(lines)} lines"
    return "refused" if code == 2 else "failed" if code == 1 else "harmless"


ALLOWED = re.compile(r"lab: warning: |s: \d+/\d+ trials")
"""What may be said besides: warnings, and how far the fuzzers' own study is."""
GOOD = ("refused", "harmless")


def report(name: str, endings: list[tuple[str, Ending]], accepted: tuple[str, ...] = GOOD) -> bool:
    """Print a summary and every bad ending; whether all was well."""
    counts = Counter(ending.word for _, ending in endings)
    bad = [(case, ending) for case, ending in endings if ending.word not in accepted]
    for case, ending in bad[:30]:
        print(f"--- {ending.word}: {case}\n{ending.said[-1500:]}")
    slowest = max((ending.seconds for _, ending in endings), default=0)
    largest = max((ending.megabytes for _, ending in endings), default=0)
    print(
        f"{name}: {len(endings)} cases: {', '.join(f'{n} {word}' for word, n in counts.most_common())}; "
        f"the slowest took {slowest:.1f} s of processor time, the largest {largest:.0f} MiB"
    )
    return not bad
