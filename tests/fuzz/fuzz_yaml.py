"""Mutated YAML files through `lab schedule`'s, the trainers' and the studies' reading: `python tests/fuzz/fuzz_yaml.py`."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cases import Ending, report, run_case

ROOT = Path(__file__).resolve().parents[2]
SEEDS = [*ROOT.glob("gan/presets/*.yaml"), *ROOT.glob("rl/presets/*.yaml"), *ROOT.glob("lab/studies/shipped/*.yaml")]
TOKENS = [
    "!!timestamp x", "!!bool maybe", "!!int ''", "!!map [1]", "!!binary '***'", "!!timestamp 2001-99-99",
    '"\\U00110000"', '"\\UFFFFFFFF"', '"\\ud800"', "1" * 400, "10" * 140, "1e999", "-.inf", ".nan", "0x1f", "1e-400",
    "[[[[[[[[", "{a: {b: {c: {d: 1}}}}", "[" * 300 + "]" * 300, "&a [*a]", "*b", "&x {y: *x}", "<<: 1", "? [1]", "~", "''",
    '"a\\nb"', '"a\\0b"', "yes", "off", "12:30:45", "2001-01-01", "- 1", "|\n  a\n b", ">-", "%YAML 9.9", "---\n---", "\t",
    "{? : }", "!!python/object/apply:os.system [ls]", "!x y", "1000000000000000000000000000000", "-1", "0", "1.0000001",
    "9" * 19, "os:system", "../x:y", "this:s", "lab.errors:UserError", "gan.data.ring:RingData", "é", "\u202e", "\x7f",
    "{wave: cosine}", "{follow: lr.generator}", "{period: 1, stretch: 1.0000001}", "{period: 1, cycles: 99999, stretch: 2}",
    "{then: [{period: 1}]}", "{split: {total: 1, cycles: 1}}", "{mean: 0}", "true", "null", "[]", "{}", "[1, [2, [3]]]",
]  # fmt: skip


def mutate(text: str, chance: random.Random) -> str:
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


def check(path: Path, source: Path) -> int:
    """Read a mutated file as what its source was, to the point where training would begin."""
    from lab.cli.main import main

    if source.parent.name == "shipped":
        return main(["study", str(path), "--dry-run", "--results", str(path.parent / "results")])
    out = path.with_suffix(".png")
    if path.name.endswith("0.yaml"):
        return main(["schedule", str(path), "--out", str(out)])
    return resolved(path, source)


def resolved(path: Path, source: Path) -> int:
    """Type the configuration as `lab … train` does before it makes a run directory."""
    from lab.cli.main import _say
    from lab.errors import UserError
    from lab.training import plugins
    from lab.training.config import load_yaml, resolve

    try:
        plugin = plugins.trainer(source.parts[-3])
        resolve(plugin.config_type(), load_yaml(path), [], source=str(path))
    except UserError as error:
        return _say(error, 2)
    return 0


def fuzz(n: int, seed: int) -> list[tuple[str, Ending]]:
    """``n`` cases from a seed."""
    import rl.config  # noqa: F401

    chance, endings = random.Random(seed), []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(n):
            source = chance.choice(SEEDS)
            text = mutate(source.read_text(), chance)
            path = Path(folder) / f"case-{number}.yaml"
            path.write_text(text, encoding="utf-8", errors="surrogatepass")
            endings.append((text, run_case(lambda path=path, source=source: check(path, source))))
            path.unlink()
    return endings


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    sys.exit(not report("fuzz_yaml", fuzz(args.n, args.seed)))
