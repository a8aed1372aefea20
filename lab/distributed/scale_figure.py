"""`lab distributed scale`: measures, draws and writes what a step costs against the number of workers."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from lab.distributed import measure, scale
from lab.reports import style
from lab.reports.style import Saved
from lab.training.files import replace_file
from lab.training.paths import results_root

NAME = "distributed-scale"
"""The folder under results/."""


def report(args: argparse.Namespace) -> int:
    """Measure, and write ``scale.json``, ``scale.md`` and the figure."""
    from dataclasses import replace

    from lab.cli.bench import circumstances

    machine, measured = measure.link(args.short)
    steps = measure.steps(args.short)
    if args.parameters:
        steps = [
            replace(step, size=4 * args.parameters, name=f"{step.name}, {args.parameters:,} parameters")
            for step in steps
        ]
    found = {**circumstances(1), "link": measured, **scale.report(machine, steps)}
    place = results_root(args.results) / NAME
    place.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1) + "\n"
    replace_file(place / "scale.json", text.encode())
    replace_file(place / "scale.md", written(found).encode())
    saved = [draw(model, place / "figures") for model in found["models"]]
    if args.json:
        print(text, end="")
    else:
        print(written(found))
        print("\n".join(str(path) for path in [place / "scale.md", *(each.path for each in saved)]))
    return 0


def written(found: dict[str, Any]) -> str:
    """The page of tables."""
    machine = found["machine"]
    rate = f"{1 / machine['byte'] / 1e9:.2g} GB/s" if machine["byte"] else "beyond measure"
    lines = [
        "# What a step costs against the number of workers",
        "",
        "Made by `lab distributed scale`: constants measured on one machine, the rest is the model of a ring",
        "all-reduce (`lab/distributed/scale.py`). Beyond the processes measured, it is arithmetic and no measurement.",
        "",
        f"- machine: {found['processor']}, {found['threads']} thread a worker, gloo over the loopback",
        f"- a message takes {machine['latency'] * 1e6:.0f} µs, a byte {machine['byte'] * 1e9:.2g} ns ({rate}); of six "
        f"all-reduces between two processes the one that the model fits worst took {machine['misfit']:.0%} else",
        f"- quadratic rule: H = max({found['quadratic']['least']}, ({found['quadratic']['alpha']:g}·peak/lr)²) along a "
        f"linear decay to 0: {found['quadratic']['mean_interval']:.0f} steps between averages in the mean",
    ]
    for model in found["models"]:
        words = list(dict.fromkeys(row["interval"] for row in model["rows"]))
        lines += [
            "",
            f"## {model['name']}: {model['size'] / 1e6:.2g} MB, batch {model['batch']}",
            "",
            f"A step takes {model['fixed'] * 1e3:.2g} ms, and {model['sample'] * 1e6:.2g} µs more for each sample, "
            f"within {model['misfit']:.0%} of what was measured at five sizes of a batch. "
            "Time of a step in ms, and in brackets kB sent by each worker in the mean of its steps; *cheap from*: the "
            "interval from which averaging takes at most a tenth of a step.",
            "",
            "| workers | " + " | ".join(words) + " | cheap from |",
            "|---|" + "---|" * (len(words) + 1),
        ]
        for workers in scale.WORKERS:
            own = [row for row in model["rows"] if row["workers"] == workers]
            cells = [f"{row['seconds'] * 1e3:.2f} ({row['bytes'] / 1e3:,.1f})" for row in own]
            lines.append(f"| {workers:,} | " + " | ".join(cells) + f" | H = {own[0]['cheap_from']:,} |")
    return "\n".join(lines) + "\n"


@style.applied()
def draw(model: dict[str, Any], out: Path) -> Saved:
    """Bytes and time of a step, a line for each interval."""
    figure = Figure(figsize=(style.WIDTH, 4.8))
    sent, taken = figure.subplots(1, 2)
    words = list(dict.fromkeys(row["interval"] for row in model["rows"]))
    handles = []
    for place, word in enumerate(words):
        look = style.look(place)
        rows = [row for row in model["rows"] if row["interval"] == word]
        workers = [row["workers"] for row in rows]
        looks = {"color": look.color, "linestyle": look.line, "marker": look.marker, "markersize": 4}
        sent.plot(workers[1:], [row["bytes"] for row in rows[1:]], **looks)
        handles += taken.plot(workers, [row["seconds"] * 1e3 for row in rows], label=word, **looks)
    ideal = [row for row in model["rows"] if row["interval"] == words[0]]
    handles += taken.plot(
        [row["workers"] for row in ideal],
        [row["ideal"] * 1e3 for row in ideal],
        color="#999999",
        label="1/K of one worker's",
    )
    for axes in (sent, taken):
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(scale.WORKERS[::3], [f"{workers:,}" for workers in scale.WORKERS[::3]])
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
        axes.set_xlabel("workers")
    sent.set_ylabel("bytes a step, from each worker")
    taken.set_ylabel("ms a step")
    style.headline(figure, f"What a step of {model['name']} costs", handles)
    stem = "scale-" + model["name"].replace("/", "-").replace(", ", "-").replace(",", "").replace(" ", "-")
    return style.save(
        figure,
        out,
        stem,
        "What a step costs",
        f"Two panels against the number of workers, 1 to {scale.WORKERS[-1]}, both logarithmic: bytes that each worker "
        f"sends and time of a step, for averages every {', '.join(map(str, scale.INTERVALS))} steps and by the "
        "quadratic rule.",
        "The model of a ring all-reduce with constants of this machine. Where a line rises with more workers, the "
        "latency of averages is more than what a smaller share of the batch saves.",
    )
