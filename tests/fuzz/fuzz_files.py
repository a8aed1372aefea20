"""Crafted files inside run and study directories through the real commands.

``python tests/fuzz/fuzz_files.py --n 500 --seed 0`` spoils one to three files of finished and half-done runs of both
trainers, of a study, or of published data, and lets a command that reads them loose on them. Most of the time the sums that tell of it are
made again, as somebody would who crafts a file.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import io
import json
import os
import random
import shutil
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "lab" / "door"))
sys.path.insert(0, str(Path(__file__).parent))
from cases import Ending, report, run_case
from fuzz_yaml import mutate_text, mutate_values
from rsave import saved

GAN = ["steps=12", "log_every=4", "evaluate_every=4", "checkpoint_every=4", "snapshot_every=6", "evaluation_samples=50",
       "snapshot_samples=9", "batch_size=8", "generator.width=4", "discriminator.width=4", "clock={period: 4}", "device=cpu"]  # fmt: skip
RL = ["steps=256", "log_every=64", "evaluate_every=128", "checkpoint_every=128", "n_envs=4", "n_steps=16",
      "batch_size=32", "n_epochs=1", "evaluation.episodes=1", "max_episode_steps=20", "hidden=[4]", "clock={period: 128}"]  # fmt: skip
STUDY = """
hypothesis: none
trainer: gan
preset: ring
seeds: 2
set: {%s}
arms: {a: {}, b: {voices.lr.generator: 1.0e-3}}
metric: ema/good
direction: higher
compare: [[a, b]]
"""
KEPT = {"step": 12, "moves": [[0.1, 0.2]], "rotation_period": 31.4, "period": 4, "multipliers": [[1.1, 0.0]],
        "growth_per_step": 0.02, "verdict": "unstable", "safe_periods": {"low": 2, "high": 9, "why": "slow."}}  # fmt: skip
DEEP = b"[" * 100_000 + b"]" * 100_000
JSONS: list[Any] = [
    None, True, -1, 10**300, 1e308, float("nan"), "word", [], {}, [1], {"a": 1}, "$\\frac{", "\n", "\ud800", "x" * 100_000,
    [[[[[[[]]]]]]], 2**63, 0, 1.5, {"$": "array", "name": "x", "dtype": "|O", "shape": [1], "scalar": False},
]  # fmt: skip
BYTES = [
    b"",
    b"\0",
    b"\xff\xfe",
    b"{}",
    b"[]",
    b"null",
    DEEP,
    b'{"a":' * 900 + b"1" + b"}" * 900,
    b"1e999",
    b'{"step":1}\n',
    b"\n\n",
    b"{" * 60,
]


def build(root: Path, study: bool) -> None:
    """Whole runs of both trainers, and a finished study."""
    from lab.cli.main import main

    sets = [word for change in GAN for word in ("--set", change)]
    assert main(["gan", "train", "ring", "--name", "g", "--results", str(root), "--quiet", *sets]) == 0
    sets = [word for change in RL for word in ("--set", change)]
    assert main(["rl", "train", "cartpole", "--name", "r", "--results", str(root), "--quiet", *sets]) == 0
    for name, old, new in (("g", "steps: 12", "steps: 20"), ("r", "steps: 256", "steps: 320")):
        config = root / "runs" / name / "config.yaml"
        shutil.copytree(config.parent, config.parent.with_name(f"{name}2"))  # a finished run beside it
        config.write_text(config.read_text().replace(old, new))  # so that a resume has something to do
    (root / "runs" / "g" / "stability.json").write_text(json.dumps(KEPT))
    for name in ("letter", "shuttle"):
        (root / "data" / name).mkdir(parents=True)
    letters = [chr(ord("A") + place) for place in range(26)]
    columns = {f"x{place}": [float(row % (place + 2)) for row in range(40)] for place in range(16)}
    frame = saved("LetterRecognition", {"lettr": ([row % 26 + 1 for row in range(40)], letters), **columns})
    (root / "data" / "letter" / "LetterRecognition.rda").write_bytes(gzip.compress(frame))
    for end in ("trn", "tst"):
        rows = [" ".join(map(str, [*range(row, row + 9), row % 7 + 1])) for row in range(14)]
        (root / "data" / "shuttle" / f"shuttle.{end}").write_text("\n".join(rows))
    if not study:
        return
    (root / "s.yaml").write_text(STUDY % ", ".join(change.replace("=", ": ", 1) for change in GAN))
    assert main(["study", str(root / "s.yaml"), "--results", str(root), "--jobs", "1"]) == 0


def mutate_json(value: Any, chance: random.Random) -> Any:
    """The value with something in it replaced, added or taken away."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        key = chance.choice(list(value))
        changed = dict(value)
        kind = chance.randrange(6)
        if kind == 0:
            del changed[key]
        elif kind == 1:
            changed[chance.choice(["$\\frac{", "\n", "a/b", "$", "step", "\0"])] = chance.choice(JSONS)
        elif kind == 2:
            changed[key] = chance.choice(JSONS)
        else:
            changed[key] = mutate_json(changed[key], chance)
        return changed
    if isinstance(value, list) and value and chance.random() < 0.7:
        changed = list(value)
        at = chance.randrange(len(changed))
        changed[at] = mutate_json(changed[at], chance)
        return changed
    return chance.choice(JSONS)


def spoil(path: Path, chance: random.Random) -> str:
    """Change one file; say how."""
    kind = chance.randrange(10)
    data = path.read_bytes()
    if kind == 0:
        path.write_bytes(chance.choice(BYTES))
        return "other bytes"
    if kind == 1:
        path.write_bytes(data[: chance.randrange(len(data) + 1)])
        return "cut"
    if kind == 2:
        path.unlink()
        how = chance.choice(["fifo", "folder", "zero", "dangling", "loop"])
        if how == "fifo":
            os.mkfifo(path)
        elif how == "folder":
            path.mkdir()
        else:
            path.symlink_to({"zero": "/dev/zero", "dangling": "nowhere", "loop": path.name}[how])
        return how
    if kind == 3:
        spoiled = bytearray(data)
        for _ in range(chance.randint(1, 8)):
            if spoiled:
                spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        path.write_bytes(bytes(spoiled))
        return "bytes changed"
    try:
        return STRUCTURED.get(path.suffix, _plain)(path, chance)
    except (ValueError, OSError, EOFError, IndexError, zlib.error, zipfile.BadZipFile):  # spoiled before
        return _plain(path, chance)


def _plain(path: Path, chance: random.Random) -> str:
    path.write_bytes(chance.choice(BYTES))
    return "other bytes"


def _json(path: Path, chance: random.Random) -> str:
    path.write_bytes(json.dumps(mutate_json(json.loads(path.read_bytes()), chance)).encode())
    return "JSON changed"


def _yaml(path: Path, chance: random.Random) -> str:
    text = path.read_text()
    path.write_text((mutate_text if chance.random() < 0.4 else mutate_values)(text, chance), errors="surrogatepass")
    return "YAML changed"


def _jsonl(path: Path, chance: random.Random) -> str:
    lines = path.read_bytes().splitlines()
    if not lines:
        return "nothing"
    at = chance.randrange(len(lines))
    kind = chance.randrange(5)
    if kind == 0:
        row = json.loads(lines[at])
        row |= {f"evaluation/{name}": 1.0 for name in range(chance.choice([3, 300, 3000]))}
        lines[at] = json.dumps(row).encode()
    elif kind == 1:
        row = json.loads(lines[at])
        row["evaluation/" + chance.choice(["$\\frac{", "x" * 300, "$a^{", "\n", "é", "%s", "<b>", "nan"])] = 1.0
        lines[at] = json.dumps(row).encode()
    elif kind == 2:
        lines[at] = chance.choice(
            [b"null", b"1", b"{}", b'{"step": "a"}', b'{"step": -1}', b'{"step": 1, "x": 1' + b"0" * 400 + b"}", DEEP]
        )
    elif kind == 3:
        row = json.loads(lines[at])
        key = chance.choice(list(row))
        row[key] = chance.choice([1e308, -1e308, 1e-308, float("nan"), float("inf"), None, "a", True, [1], 10**30])
        lines[at] = json.dumps(row).encode()
    else:
        lines[at] = json.dumps(mutate_json(json.loads(lines[at]), chance)).encode()
    path.write_bytes(b"\n".join(lines) + b"\n")
    return "a line changed"


def _csv(path: Path, chance: random.Random) -> str:
    text = path.read_text()
    changed = chance.choice([
        "", text.partition("\n")[2], text.replace("finished", "begun"), text.replace(",0,", ",x,"), "a,b\n1,2\n",
        text.replace("finished", "fin\0ished"), text + "a,0,finished\n", text.replace("a,", "\n,"), '"' + text, text * 50,
        text.replace("0.", "1e999"), text.replace(",0,", ",-1,"),
    ])  # fmt: skip
    path.write_text(changed)
    return "table changed"


def _npz(path: Path, chance: random.Random) -> str:
    import numpy as np

    arrays = dict(np.load(path))
    kind = chance.randrange(8)
    if kind == 0:
        arrays["samples"] = np.array([{"a": 1}], dtype=object)
    elif kind == 1:
        arrays["samples"] = np.array(3.0)
    elif kind == 2:
        arrays["samples"] = np.zeros((1, 1, 1, 1, 1))
    elif kind == 3:
        arrays = {}
    elif kind == 4:
        arrays["landmarks"] = np.full((3, 7), np.nan)
    elif kind == 5:
        arrays["samples"] = np.full((4, 2), np.inf, np.float64)
    elif kind == 6:
        arrays["ema"] = np.zeros((0, 2))
    if kind == 7:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            head = io.BytesIO()
            np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (1 << 28,)})
            with archive.open("samples.npy", "w", force_zip64=True) as member:
                member.write(head.getvalue())
                for _ in range(256):
                    member.write(bytes(1 << 20))
        return "bomb"
    np.savez(path, **arrays)
    return "arrays changed"


def _safetensors(path: Path, chance: random.Random) -> str:
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + size])
    body = data[8 + size :]
    kind = chance.randrange(5)
    if kind == 0:
        path.write_bytes(b"")
        return "no header"
    if kind == 1:
        path.write_bytes(struct.pack("<Q", chance.choice([0, 2**40, 2**63, size + 1])) + data[8:])
        return "length changed"
    if kind == 2:
        path.write_bytes(data[: 8 + size] + bytes(len(body)))
        return "zeros"
    if kind == 3:
        name = chance.choice([key for key in head if key != "__metadata__"])
        head[name]["shape"] = [1, *head[name]["shape"]]
    else:
        head = mutate_json(head, chance)
    text = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return "header changed"


def _rda(path: Path, chance: random.Random) -> str:
    data = bytearray(gzip.decompress(path.read_bytes()))
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(data) // 4) * 4 + 3  # where a whole number begins, after the seven bytes of the head
        value = chance.choice([0, -1, 1, 255, 2**31 - 1, -(2**31), 13, 19, 238, 3, 1000])
        data[at : at + 4] = struct.pack(">i", value)
    path.write_bytes(chance.choice([gzip.compress, bytes])(bytes(data)))
    return "a frame changed"


def _rows(path: Path, chance: random.Random) -> str:
    words = path.read_text().split(" ")
    words[chance.randrange(len(words))] = chance.choice(["nan", "1e999", "x", "", "\n", "\0", "9" * 400, "1 2"])
    path.write_text(" ".join(words))
    return "a cell changed"


STRUCTURED: dict[str, Callable[[Path, random.Random], str]] = {
    ".json": _json, ".yaml": _yaml, ".jsonl": _jsonl, ".csv": _csv, ".npz": _npz, ".safetensors": _safetensors,
    ".rda": _rda, ".trn": _rows, ".tst": _rows,
}  # fmt: skip


def reseal(run: Path, spoiled: Path) -> None:
    """Make all sums of a run right again that are not themselves what was spoiled."""
    logs = {name: data for name in ("metrics.jsonl", "events.jsonl") if (data := content(run / name)) is not None}
    for folder in (run / "checkpoints").glob("*"):
        with contextlib.suppress(Exception):
            assert spoiled != folder / "about.json"
            about = json.loads(content(folder / "about.json") or b"")
            about["logs"] = {name: len(data) for name, data in logs.items()}
            about["sums"] = {name: hashlib.sha256(data).hexdigest() for name, data in logs.items()}
            about["config"] = yaml.safe_load(content(run / "config.yaml") or b"")
            (folder / "about.json").write_text(json.dumps(about))
        with contextlib.suppress(Exception):
            assert spoiled != folder / "manifest.json"
            known = json.loads(content(folder / "manifest.json") or b"")
            parts = {path.name: content(path) for path in folder.iterdir() if path.name != "manifest.json"}
            known["sha256"] = {
                name: hashlib.sha256(data).hexdigest() for name, data in parts.items() if data is not None
            }
            (folder / "manifest.json").write_text(json.dumps(known))
    with contextlib.suppress(Exception):
        known = json.loads(content(run / "provenance.json") or b"")
        (run / "provenance.json").write_text(json.dumps({k: known[k] for k in known if k not in ("sha256", "config")}))


def content(path: Path) -> bytes | None:
    """What a file holds; None where it is a pipe, a device or not there."""
    return path.read_bytes() if path.is_file() else None


def commands(place: Path, root: Path) -> list[list[str]]:
    """The real commands that read a file."""
    results = ["--results", str(root)]
    parts = place.relative_to(root).parts
    if parts[0] == "data":
        small = ["--set", "steps=2", "--set", "network.hidden=[4]", "--set", "device=cpu", "--quiet"]
        return [["supervised", "train", parts[1], "--data-dir", str(root / "data"), *small, *results]]
    if parts[0] == "s" or parts[:2] == ("runs", "s"):
        study = ["study", str(root / "s.yaml"), "--jobs", "1", *results]
        return [study, study, ["report", str(root / "s"), *results]]
    name = parts[1]
    resume = ["resume", name, "--quiet"]
    look = [["plot", name], ["report", name], ["plot", name, f"{name[0]}2"]]
    if name.startswith("g"):
        own = [["gan", "sample", name, "--out", str(root / f"x.{end}")] for end in ("npz", "png")] + [["gan", "evaluate", name]]  # fmt: skip
    else:
        own = [["rl", "evaluate", name, "--episodes", "1"], ["rl", "watch", name, "--out", str(root / "x.gif")]]
    if "checkpoints" in parts:
        chosen = [resume, resume, *own]
    else:
        chosen = {"snapshots": look, "metrics.jsonl": [*look, *look, resume]}.get(parts[2], [resume, *look, *own])
    return [[*words, *results] for words in chosen]


def victims(base: Path) -> list[list[Path]]:
    """What can be spoiled, in groups that are equally likely, so that the many files of checkpoints are not all."""
    groups = []
    for run in (base / "runs" / "g", base / "runs" / "r", base / "runs" / "g2", base / "runs" / "r2"):
        groups += [[run / name] for name in ("config.yaml", "provenance.json", "metrics.jsonl", "events.jsonl", "timing.jsonl", "lock")]  # fmt: skip
        groups += [sorted((run / "checkpoints").glob(f"*/{name}")) for name in ("about.json", "state.json", "manifest.json", "*.safetensors", "*.safetensors", "state.json")]  # fmt: skip
        groups += [sorted((run / "snapshots").glob("*.npz")) or [run / "metrics.jsonl"]]
    groups += [[path] for path in sorted((base / "data").rglob("*.*"))]
    if not (base / "s").exists():
        return groups
    groups += [[base / "s" / name] for name in ("trials.csv", "summary.json", "study.yaml", "provenance.json", ".lock", "trials.csv", "summary.json")]  # fmt: skip
    trials = base / "runs" / "s"
    groups += [sorted(trials.glob(f"*/{name}")) for name in ("config.yaml", "metrics.jsonl", "provenance.json", "checkpoints/*/state.json", "snapshots/*.npz")]  # fmt: skip
    return [*groups, sorted((trials / "logs").glob("*"))]


def run_of(place: Path, root: Path) -> Path | None:
    """The run directory that a file lies in."""
    top, *rest = place.relative_to(root).parts
    depth = 2 if rest[0] == "s" else 1
    return None if top != "runs" or rest[depth - 1] == "logs" else root.joinpath(top, *rest[:depth])


def copied(base: Path, root: Path, parts: tuple[str, ...]) -> None:
    """Copy what a command may read that is given this file: its trainer's runs, the study, or the data."""
    if parts[0] == "data":
        shutil.copytree(base / "data", root / "data")
        return
    names = ("s", "s.yaml", "runs/s") if "s" in parts[:2] else [f"runs/{parts[1][0]}{end}" for end in ("", "2")]
    for name in names:
        (shutil.copytree if (base / name).is_dir() else shutil.copy)(base / name, root / name)


def spoiled(
    root: Path, chosen: Path, groups: list[list[Path]], base: Path, chance: random.Random
) -> tuple[str, list[str]]:
    """Spoil the chosen file of a copy, and perhaps two more; say what was done, and which command is to read it."""
    run = run_of(chosen, root)
    done = [f"{chosen.relative_to(root)}: {spoil(chosen, chance)}"]
    places = [root / path.relative_to(base) for files in groups for path in files]
    near = sorted({place for place in places if run_of(place, root) == run})
    for _ in range(chance.choice([0, 0, 0, 1, 2])):
        more = chance.choice(near)
        if more.is_file():
            done.append(f"{more.relative_to(root)}: {spoil(more, chance)}")
    if run is not None and chance.random() < 0.8:
        reseal(run, chosen)
        for older in sorted((run / "checkpoints").glob("*"))[:-1]:
            if chance.random() < 0.7:
                shutil.rmtree(older)
    return "; ".join(done), chance.choice(commands(chosen, root))


def fuzz(n: int, seed: int, study: bool = True) -> list[tuple[str, Ending]]:
    """``n`` cases from a seed; without the files of a study it begins sooner."""
    from lab.cli.main import main

    chance, endings = random.Random(seed), []
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        with contextlib.redirect_stdout(io.StringIO()):
            build(base, study)
            for words in (["plot", "g"], ["gan", "evaluate", "g"], ["rl", "evaluate", "r"]):
                main([*words, "--results", str(base)])  # warm: whatever is imported late is imported before a fork
        groups = victims(base)
        for number in range(n):
            root = Path(folder) / f"case-{number}"
            chosen = chance.choice(chance.choice(groups)).relative_to(base)
            copied(base, root, chosen.parts)
            how, words = spoiled(root, root / chosen, groups, base, chance)
            endings.append((f"{how}: {' '.join(words)}", run_case(lambda words=words: main(words))))
            shutil.rmtree(root)
    return endings


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-study", action="store_true", help="spoil runs alone, which begins sooner")
    args = parser.parse_args()
    sys.exit(not report("fuzz_files", fuzz(args.n, args.seed, not args.no_study)))
