"""Shows how a run comes along: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TextIO

from lab.training.loop import Progress, quiet

LINE_EVERY = 5.0
WINDOW = 20.0


@contextmanager
def show_progress(
    title: str, steps: int, headline: Sequence[str], silent: bool = False, stream: TextIO | None = None
) -> Iterator[Progress]:
    """A ``progress`` for ``lab.training.loop.train``.

    Args:
        title: the run's name.
        steps: how many it has.
        headline: the columns of the metrics log to show, most important first.
        silent: show nothing.
        stream: where to show it; the standard error by default.
    """
    stream = stream or sys.stderr
    if silent:
        yield quiet
    elif stream.isatty():
        with _bar(title, steps, headline, stream) as progress:
            yield unless_gone(progress)
    else:
        yield unless_gone(_Lines(title, steps, headline, stream))


def unless_gone(progress: Progress) -> Progress:
    """Until nobody can be shown anything any more: a closed pipe or terminal is no reason not to train."""
    gone = False

    def shown(step: int, row: Mapping[str, float]) -> None:
        nonlocal gone
        if not gone:
            try:
                progress(step, row)
            except OSError:
                gone = True

    return shown


class Pace:
    """Rate and time left, from the last seconds of progress."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.seen: deque[tuple[float, int]] = deque()

    def words(self, step: int, now: float | None = None) -> str:
        """The pace at ``step``, e.g. ``812 steps/s, 0:03 left``."""
        now = monotonic() if now is None else now
        self.seen.append((now, step))
        while len(self.seen) > 2 and now - self.seen[0][0] > WINDOW:
            self.seen.popleft()
        (then, at), (_, last) = self.seen[0], self.seen[-1]
        if now <= then or last <= at:
            return "starting"
        rate = (last - at) / (now - then)
        shown = f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
        return f"{shown} steps/s, {duration((self.steps - step) / rate)} left"


def duration(seconds: float) -> str:
    """``0:03``, ``12:40``, ``3:02:01``."""
    whole = max(0, round(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def headline_words(row: Mapping[str, float], headline: Sequence[str]) -> str:
    """The numbers that matter, e.g. ``modes 8  good 0.93``; nothing for a column that has not appeared yet."""
    return "  ".join(f"{name.removeprefix('evaluation/')} {row[name]:.4g}" for name in headline if name in row)


class _Lines:
    def __init__(self, title: str, steps: int, headline: Sequence[str], stream: TextIO) -> None:
        self.title, self.steps, self.headline, self.stream = title, steps, headline, stream
        self.pace = Pace(steps)
        self.next = 0.0

    def __call__(self, step: int, row: Mapping[str, float]) -> None:
        pace = self.pace.words(step)
        if monotonic() >= self.next or step >= self.steps:
            share = min(1.0, step / self.steps)
            parts = (f"{self.title}: step {step}/{self.steps} ({share:.0%})", pace, headline_words(row, self.headline))
            print("  ".join(part for part in parts if part), file=self.stream, flush=True)
            self.next = monotonic() + LINE_EVERY


@contextmanager
def _bar(title: str, steps: int, headline: Sequence[str], stream: TextIO) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.completed}/{task.total}  {task.fields[pace]}  {task.fields[numbers]}", markup=False),
    )
    pace = Pace(steps)
    with Bars(*columns, console=Console(file=stream)) as bars:
        task = bars.add_task(title, total=steps, pace="starting", numbers="")

        def progress(step: int, row: Mapping[str, float]) -> None:
            numbers = headline_words(row, headline)
            bars.update(task, completed=min(step, steps), pace=pace.words(step), numbers=numbers)

        yield progress
