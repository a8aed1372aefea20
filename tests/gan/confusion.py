"""How often the collapse watch is right: runs that ended well or failed, and whether they were warned.

usage: python tests/gan/confusion.py RUNS…    directories below which runs lie

A run's end is its averaged generator's scores over the last quarter; the line for each data set is in ENDS.
"""

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan.watch import findings
from lab.training.findings import LogColumns
from lab.training.metrics import Metrics
from lab.training.run import Run

ENDS: Mapping[str, Any] = {
    "ring": lambda score: (score("modes") >= 7.5 and score("good") >= 0.7, score("modes") < 6 or score("good") < 0.4),
    "grid": lambda score: (score("modes") >= 23 and score("good") >= 0.7, score("modes") < 19 or score("good") < 0.4),
    "spiral": lambda score: (score("good") >= 0.8, score("good") < 0.6),
    "digits": lambda score: (score("frechet") <= 10, score("frechet") > 20),
    "mnist": lambda score: (score("frechet") <= 35, score("frechet") > 55),
    "fashion-mnist": lambda score: (score("frechet") <= 85, score("frechet") > 150),
}
"""Whether a run ended well, and whether it failed; what lies between is middling."""


def main(roots: list[str]) -> None:
    """Print each finding of each run, and the table."""
    table: Counter[tuple[str, str]] = Counter()
    when: list[float] = []
    for path in sorted(path.parent for root in roots for path in Path(root).rglob("metrics.jsonl")):
        run, rows = Run.open(path), Metrics.read(path).rows
        if run.trainer != "gan" or not rows or rows[-1]["step"] < run.config["steps"]:
            continue
        columns = LogColumns(rows).columns()
        found, end = findings(columns, run.config), ending(columns, run.config)
        for kind in [each.kind for each in found] or ["nothing"]:
            table[end, kind] += 1
        table[end, "warned" if found else "not warned"] += 1
        when += [found[0].step / rows[-1]["step"]] if found and end == "failed" else []
        print(f"{path.name:36} {end:9}", *(f"{each.kind}@{each.step}" for each in found))
    kinds = sorted({kind for _, kind in table})
    for end in ("well", "middling", "failed"):
        print(f"{end:9}", *(f"{kind} {table[end, kind]}" for kind in kinds), sep="  ")
    if when:
        print(f"failed runs were first warned at {np.quantile(when, [0.25, 0.5, 0.75])} of their steps (quartiles)")


def ending(columns: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> str:
    """How a run ended."""
    late = columns["step"] > 0.75 * columns["step"][-1]
    data = config["data"]["name"] if isinstance(config["data"], Mapping) else config["data"]
    well, failed = ENDS[data](lambda name: np.nanmean(columns[f"evaluation/ema/{name}"][late]))
    return "well" if well else "failed" if failed else "middling"


if __name__ == "__main__":
    main(sys.argv[1:])
