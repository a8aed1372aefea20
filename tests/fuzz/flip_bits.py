"""Flips one bit of one file of a run that was killed, resumes it, and compares the ending: nothing may pass in silence.

``python tests/fuzz/flip_bits.py --n 500 --seed 0``. A real run of each trainer is killed half-way. Each case takes a
copy, flips a bit (every kind of file is as likely as any other), and lets ``lab resume`` finish it. What came of it is

- refused: one line and exit status 2;
- passed over: a warning said that a checkpoint was not used, and the ending is bit-identical to the unspoiled one;
- told: a warning said what is different, as ``config.yaml`` asking for more steps;
- harmless: nothing was said, and the ending is bit-identical;
- harmless (snapshot refused): the same, and the figure that would show the spoiled snapshot refuses it;
- SILENT: nothing was said, and something is different. There must be none.

A finished run of each is then spoiled in the same way and read as the figures and reports do.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from cases import Ending, run_case

GAN = ["steps=40", "log_every=4", "evaluate_every=8", "checkpoint_every=8", "snapshot_every=8", "evaluation_samples=50",
       "snapshot_samples=9", "batch_size=8", "generator.width=4", "discriminator.width=4", "clock={period: 10}", "device=cpu"]  # fmt: skip
RL = ["steps=512", "log_every=64", "evaluate_every=128", "checkpoint_every=128", "n_envs=4", "n_steps=16", "batch_size=32",
      "n_epochs=1", "evaluation.episodes=1", "max_episode_steps=20", "hidden=[4]", "clock={period: 128}"]  # fmt: skip
TRAININGS = {"gan": ("ring", GAN, 22), "rl": ("cartpole", RL, 300)}
"""Of each trainer the preset, the changes that make it small, and the step at which it is killed."""
PROVENANCE = "provenance.json"
PASSED_OVER = ("is not used", "no checkpoint is whole")
Outcome = dict[str, Any]


@dataclass(frozen=True)
class Killed:
    """A run that was killed half-way, what it ends as, and its finished copy."""

    path: Path
    ending: Outcome
    finished: Path


def begin(trainer: str, root: Path) -> Killed:
    """Train and kill one, and finish a copy of it."""
    from lab.cli.main import main
    from lab.training import plugins

    preset, changes, at = TRAININGS[trainer]
    sets = [word for change in changes for word in ("--set", change)]
    results = ["--results", str(root), "--quiet", "--threads", "1"]
    if (child := os.fork()) == 0:
        try:
            die_at(type(plugins.trainer(trainer)), at)
            main([trainer, "train", preset, "--name", trainer, *sets, *results])
        finally:
            os._exit(1)
    os.waitpid(child, 0)
    run, copy = root / "runs" / trainer, root / "runs" / f"{trainer}-whole"
    shutil.copytree(run, copy)
    with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing):
        assert main(["resume", str(copy), "--quiet"]) == 0
    return Killed(run, ending(copy), copy)


def die_at(plugin: Any, step: int) -> None:
    """Let this process end without a word once a trainer of this kind of plug-in is at a step."""
    build = plugin.build

    def building(self: Any, config: Any, context: Any) -> Any:
        trainer = build(self, config, context)
        advance = trainer.advance

        def advancing(until: int) -> None:
            advance(min(until, step))
            if trainer.step >= step:
                os._exit(9)

        trainer.advance = advancing
        return trainer

    plugin.build = building


def ending(run: Path) -> Outcome:
    """Everything that a user would compare, by name: the last checkpoint, the logs, what was set, what was drawn."""
    from lab.training.config import load_yaml
    from lab.training.jsonlines import read

    last = max(path for path in (run / "checkpoints").iterdir() if path.name.isdecimal())
    found: Outcome = {path.name: path.read_bytes() for path in last.iterdir() if path.name not in ("about.json", "manifest.json")}  # fmt: skip
    found["last"] = last.name
    found["metrics.jsonl"] = (run / "metrics.jsonl").read_bytes()
    found["events.jsonl"] = [row for row in read(run / "events.jsonl") if row["kind"] != "warning"]
    found["config.yaml"] = load_yaml(run / "config.yaml")
    made = json.loads((run / PROVENANCE).read_bytes())
    found[PROVENANCE] = {key: made.get(key) for key in ("trainer", "preset", "seed", "command", "threads", "packages")}
    kept = (path for path in (run / "snapshots").rglob("*") if path.is_file())
    return found | {str(path.relative_to(run)): path.read_bytes() for path in kept}


def groups(run: Path) -> list[list[Path]]:
    """The run's files, those of one kind together, relative to it."""
    kinds: dict[str, list[Path]] = {}
    for path in sorted(run.rglob("*")):
        if path.is_file() and path.stat().st_size and path.name != "lock":
            kinds.setdefault("snapshot" if "snapshots" in path.parts else path.name, []).append(path)
    return [[path.relative_to(run) for path in kind] for kind in kinds.values()]


def flip(path: Path, chance: random.Random) -> None:
    """Flip one bit."""
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def resumed(killed: Killed, copy: Path, spoiled: Path) -> tuple[str, str]:
    """Resume a copy with a spoiled file: the word for what came of it, and what was said."""
    from lab.cli.main import main

    came = run_case(lambda: main(["resume", str(copy), "--quiet"]))
    if came.word != "harmless":
        return came.word, came.said
    expected, found = dict(killed.ending), ending(copy)
    refused = ""
    if spoiled.parts[0] == "snapshots":
        refused = " (snapshot refused)" if different_arrays(killed.path / spoiled, copy / spoiled) else ""
        expected.pop(str(spoiled), None), found.pop(str(spoiled), None)
    different = [name for name in expected if found.get(name) != expected[name]]
    if any(words in came.said for words in PASSED_OVER) and not different:
        return "passed over", came.said
    if "now asks for" in came.said and int(found["last"]) > int(expected["last"]):
        return "told", came.said
    return (f"SILENT: {', '.join(different)}" if different else f"harmless{refused}"), came.said


def different_arrays(before: Path, after: Path) -> bool:
    """Whether a snapshot is refused, or gone; one that is read must hold what it held."""
    from gan.snapshots import read_member
    from lab.door.arrays import read_npz
    from lab.errors import UserError
    from lab.training.manifest import BrokenCheckpoint, verified

    def read(path: Path) -> Mapping[str, Any]:
        if path.suffix == ".npz":
            return read_npz(path)
        if "policies" in path.parts:
            return {name: np.frombuffer(content, np.uint8) for name, content in verified(path.parent).items()}
        return {name: tensor.numpy() for name, tensor in read_member(path).items()}

    try:
        found = read(after)
    except (UserError, BrokenCheckpoint, FileNotFoundError):
        return True
    expected = read(before)
    assert {k: v.tobytes() for k, v in found.items()} == {k: v.tobytes() for k, v in expected.items()}, after
    return False


def looked_at(killed: Killed, copy: Path, spoiled: Path) -> tuple[str, str]:
    """Read a finished copy with a spoiled file as a figure does: refused, or what it reads is what was there."""
    if spoiled.name == "timing.jsonl":
        return "harmless (how long it took)", ""
    if spoiled.parts[0] == "snapshots":
        return ("refused" if different_arrays(killed.finished / spoiled, copy / spoiled) else "harmless"), ""
    came = run_case(lambda: look(copy, killed.finished))
    return came.word, came.said


def look(run: Path, expected: Path) -> int:
    """Compare what is read of two runs; 0 where it is the same, 2 where one is refused, an AssertionError else."""
    from lab.cli.main import _say
    from lab.errors import UserError
    from lab.reports.runs import read_run
    from lab.training.recovery import look as weights
    from lab.training.run import Run

    try:
        found, checkpoint = read_run(run), weights(Run.open(run), lambda words: print(f"lab: warning: {words}", file=sys.stderr))  # fmt: skip
    except UserError as error:
        return _say(error, 2)
    other = read_run(expected)
    assert (found.config, found.trainer, found.metrics.rows) == (other.config, other.trainer, other.metrics.rows)
    assert checkpoint.rejected or checkpoint.step == weights(Run.open(expected), print).step
    return 0


def flips(n: int, seed: int) -> tuple[list[tuple[str, Ending]], list[tuple[str, Ending]]]:
    """``n`` flips in killed runs, and half as many in finished ones."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        killed = [begin(trainer, Path(folder)) for trainer in TRAININGS]
        resumes = [_case(killed[at % 2], killed[at % 2].path, resumed, chance) for at in range(n)]
        looks = [_case(killed[at % 2], killed[at % 2].finished, looked_at, chance) for at in range(n // 2)]
    return resumes, looks


def _case(
    killed: Killed, source: Path, judge: Callable[[Killed, Path, Path], tuple[str, str]], chance: random.Random
) -> tuple[str, Ending]:
    spoiled = chance.choice(chance.choice(groups(source)))
    copy = source.parent / "case"
    shutil.copytree(source, copy)
    flip(copy / spoiled, chance)
    word, said = judge(killed, copy, spoiled)
    shutil.rmtree(copy)
    return f"{killed.path.name}/{spoiled}", Ending(word, said)


GOOD = ("refused", "passed over", "told", "harmless", "harmless (snapshot refused)", "harmless (how long it took)")


def report(name: str, cases: list[tuple[str, Ending]]) -> bool:
    """Print how many cases came to what, by kind of file, and every bad one; whether there was none."""
    counts: Mapping[str, Counter[str]] = {}
    for place, came in cases:
        counts = {**counts, came.word: counts.get(came.word, Counter()) + Counter([place.rpartition("/")[2]])}
        if came.word not in GOOD:
            print(f"--- {came.word}: {place}\n{came.said[-800:]}")
    for word, files in sorted(counts.items(), key=lambda item: -item[1].total()):
        print(
            f"{name}: {files.total():4} {word}: {', '.join(f'{count} {file}' for file, count in files.most_common())}"
        )
    return all(came.word in GOOD for _, came in cases)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    both = flips(args.n, args.seed)
    sys.exit(not all([report("resume", both[0]), report("look", both[1])]))
