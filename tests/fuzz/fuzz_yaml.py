"""Mutated YAML files through the real commands: `python tests/fuzz/fuzz_yaml.py --n 3000 --seed 0`.

Half of them are spoiled as text, half as what the text stands for. A preset goes to `lab schedule` or all the way of
`lab … train` until the trainer is built and training would begin; a study file to `lab study --dry-run`.
"""

from __future__ import annotations

import argparse
import copy
import random
import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parent))
from cases import Ending, report, run_case

ROOT = Path(__file__).resolve().parents[2]
SEEDS = sorted(ROOT.glob("gan/presets/*.yaml")) + sorted(ROOT.glob("rl/presets/*.yaml")) + sorted(ROOT.glob("lab/studies/shipped/*.yaml"))  # fmt: skip
TOKENS = [
    "!!timestamp x", "!!bool maybe", "!!int ''", "!!map [1]", "!!binary '***'", "!!timestamp 2001-99-99",
    '"\\U00110000"', '"\\UFFFFFFFF"', '"\\ud800"', "1" * 400, "10" * 140, "1e999", "-.inf", ".nan", "0x1f", "1e-400",
    "[[[[[[[[", "{a: {b: {c: {d: 1}}}}", "[" * 300 + "]" * 300, "&a [*a]", "*b", "&x {y: *x}", "<<: 1", "? [1]", "~", "''",
    '"a\\nb"', '"a\\0b"', "yes", "off", "12:30:45", "2001-01-01", "- 1", "|\n  a\n b", ">-", "%YAML 9.9", "---\n---", "\t",
    "{? : }", "!!python/object/apply:os.system [ls]", "!x y", "1000000000000000000000000000000", "-1", "0", "1.0000001",
    "9" * 19, "os:system", "../x:y", "this:s", "lab.errors:UserError", "gan.data.ring:RingData", "é", "\u202e", "\x7f",
    "{wave: cosine}", "{follow: lr.generator}", "{period: 1, stretch: 1.0000001}", "{period: 1, cycles: 99999, stretch: 2}",
    "{then: [{period: 1}]}", "{split: {total: 1, cycles: 1}}", "{mean: 0}", "true", "null", "[]", "{}", "[1, [2, [3]]]",
    "1000000000", "1e300", "5e-324", "1.7976931348623157e308", "4611686018427387904", "seeds: 1000000000000000000000000000000",
]  # fmt: skip
HOSTILE: list[Any] = [
    10**9, 10**300, 2**62, 2**63, 2**31, -1, 0, 1, 1.0000001, 1e300, 1e-300, 1e308, float("nan"), float("inf"), True, None, "", "x",
    "a\nb", "$\\frac{", [], {}, [1], [10**9] * 3, {"period": 1, "stretch": 1.0000001}, {"period": 10**18}, {"a": {"b": 1}}, "é" * 500,
    {"wave": "cosine", "low": 0, "high": 1e308}, {"wave": "cosine", "low": -1e308, "high": 1e308}, {"follow": "x"}, "mlp", "dcgan",
    {"split": {"total": 10**18, "cycles": 10**17}}, {"period": 1, "cycles": 10**18}, [[]] * 1000, "1e5", 2.5, "none", "uniform",
    {"name": "grid", "side": 100}, {"name": "ring", "modes": 10_000}, {"name": "folder", "path": "/"}, {"kind": "staircase"},
]  # fmt: skip
FIELDS = [
    "steps", "seed", "latent", "batch_size", "log_every", "evaluate_every", "checkpoint_every", "snapshot_every", "clock",
    "snapshot_samples", "evaluation_samples", "discriminator_steps", "generator_steps", "penalty_every", "data.modes", "data.side", "data.std",
    "generator.width", "generator.depth", "discriminator.width", "n_envs", "n_steps", "n_epochs", "hidden", "gamma",
    "evaluation.episodes", "evaluation.difficulties", "max_episode_steps", "axes", "task", "curriculum.stop", "seeds",
    "curriculum.window", "curriculum.levels", "arms", "set", "compare", "alpha", "response", "columns", "voices", "loss",
    "clock.period", "clock.stretch", "clock.cycles", "optimizer.eps", "optimizer.beta2", "packing", "balance", "augment", "lookahead.every", "response.offsets", "metric", "device",
]  # fmt: skip


def mutate_text(text: str, chance: random.Random) -> str:
    """The text with one to four things done to it."""
    for _ in range(chance.randint(1, 4)):
        lines = text.split("\n")
        at, kind = chance.randrange(len(lines)), chance.randrange(8)
        line = lines[at]
        if kind == 0 and ":" in line:
            lines[at] = line.partition(":")[0] + ": " + chance.choice(TOKENS)
        elif kind == 1:
            lines.insert(at, chance.choice(TOKENS))
        elif kind == 2:
            del lines[at]
        elif kind == 3:
            lines[at] = " " * chance.randint(0, 5) + line.strip()
        elif kind == 4 and line:
            place = chance.randrange(len(line))
            lines[at] = (
                line[:place]
                + chance.choice(["{", "}", "[", "]", ":", "\x00", "'", '"', "#", "&", "*", "\n", "9"])
                + line[place:]
            )
        elif kind == 5:
            lines.insert(at, chance.choice(lines))
        elif kind == 6 and ":" in line:
            lines[at] = chance.choice(["? " + line, "!!str " + line.strip(), '"a\\nb"' + line[line.index(":") :]])
        else:
            words = line.split(" ")
            words[chance.randrange(len(words))] = chance.choice(TOKENS)
            lines[at] = " ".join(words)
        text = "\n".join(lines)
    return text


def mutate_values(text: str, chance: random.Random) -> str:
    """What the text stands for with one to three values replaced by hostile ones, as text again."""
    value = copy.deepcopy(yaml.safe_load(text))
    for _ in range(chance.randint(1, 3)):
        if chance.random() < 0.5:
            _assign(value, chance.choice(FIELDS).split("."), copy.deepcopy(chance.choice(HOSTILE)))
        else:
            _replace(value, chance)
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)


def _assign(value: Any, keys: list[str], new: Any) -> None:
    for key in keys[:-1]:
        if not isinstance(value.get(key), dict):
            value[key] = {}
        value = value[key]
    value[keys[-1]] = new


def _replace(value: Any, chance: random.Random) -> None:
    """Put a hostile value somewhere in a tree, in the place of any other."""
    while True:
        places = list(value) if isinstance(value, dict) else range(len(value))
        if not places:
            return
        at = chance.choice(list(places))
        if not isinstance(value[at], dict | list) or not value[at] or chance.random() < 0.3:
            value[at] = copy.deepcopy(chance.choice(HOSTILE))
            return
        value = value[at]


def check(path: Path, source: Path, number: int) -> int:
    """Read a mutated file as what its source was, to the point where training would begin."""
    from lab.cli.main import main

    results = ["--results", str(path.parent / "results")]
    if source.parent.name == "shipped":
        return main(["study", str(path), "--dry-run", *results])
    if number % 8 == 0:
        return main(["schedule", str(path), "--out", str(path.with_suffix(".png"))])
    if number % 8 == 1:
        return main(["schedule", str(path), "--width", "60"])
    trainer = source.parts[-3]
    if _reads_images(path, trainer):
        return 0
    return main([trainer, "train", str(path), "--quiet", *results])


def _reads_images(path: Path, trainer: str) -> bool:
    """Whether a file asks for pictures: they are looked for on the network, and judged by a network trained for it."""
    from gan.config import GanConfig
    from gan.data.mixture import MixtureData
    from gan.data.spiral import SpiralData
    from lab.errors import UserError
    from lab.training.config import load_yaml, resolve

    if trainer != "gan":
        return False
    try:
        return not isinstance(resolve(GanConfig, load_yaml(path)).data, MixtureData | SpiralData)
    except UserError:
        return False


def stop_where_training_begins() -> None:
    """From now on a trainer is built, but does no step."""
    from lab.training import loop

    loop._to_the_end = lambda session, *_: loop.Outcome(session.trainer.step, 0, 0.0)


def warm() -> None:
    """Import whatever a command imports, before anything is forked."""
    for name in ("gan.trainer", "rl.trainer", "lab.reports.schedule", "lab.studies.conduct"):
        import_module(name)


def fuzz(n: int, seed: int) -> list[tuple[str, Ending]]:
    """``n`` cases from a seed."""
    warm()
    stop_where_training_begins()
    chance, endings = random.Random(seed), []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(n):
            source = chance.choice(SEEDS)
            text = (mutate_text if number % 2 else mutate_values)(source.read_text(), chance)
            path = Path(folder) / f"case-{number}.yaml"
            path.write_text(text, encoding="utf-8", errors="surrogatepass")
            endings.append((text, run_case(lambda path=path, source=source, way=number // 2: check(path, source, way))))
            path.unlink()
            shutil.rmtree(Path(folder) / "results", ignore_errors=True)
    return endings


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    sys.exit(not report("fuzz_yaml", fuzz(args.n, args.seed)))
