"""`lab runs` as typed: what each run is, how far, its best score, the command to go on with; damage is one line."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))
from synthetic import gan_run, rl_run, write_run

from lab.cli.main import main, parser

IMAGES = {"steps": 40, "clock": {"period": 10}, "voices": {}}


class Lab:
    """A results directory, and what `lab runs` says of it."""

    def __init__(self, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.results, self.runs, self.capsys = results, results / "runs", capsys

    def said(self, *words: str) -> str:
        assert main(["runs", *words, "--results", str(self.results)]) == 0
        return self.capsys.readouterr().out

    def told(self, *words: str) -> dict[str, Any]:
        found = json.loads(self.said(*words, "--json"))
        return {each["name"]: each for each in [*found["runs"], *found["studies"]]}


@pytest.fixture
def lab(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Lab:
    return Lab(tmp_path, capsys)


def checkpoint(run: Path, step: int) -> Path:
    (run / "checkpoints" / f"{step:09d}").mkdir()
    return run


def event(run: Path, **data: Any) -> None:
    with (run / "events.jsonl").open("a") as file:
        file.write(json.dumps(data) + "\n")


def test_states_and_what_to_do_next(lab: Lab) -> None:
    checkpoint(gan_run(lab.runs / "done"), 4000)
    gan_run(lab.runs / "tidied")
    checkpoint(gan_run(lab.runs / "cut", until=2000), 1000)
    checkpoint(gan_run(lab.runs / "cut-at-the-end"), 3000)
    gan_run(lab.runs / "early", until=200)
    event(checkpoint(gan_run(lab.runs / "lost", until=2000), 1000), step=2010, kind="non_finite", quantity="loss")
    write_run(lab.runs / "new", "gan", {"steps": 10, "clock": {}, "voices": {}}, [])
    found = lab.told()
    assert {name: each["state"] for name, each in found.items()} == {
        "cut": "stopped", "cut-at-the-end": "stopped", "done": "finished", "early": "stopped", "lost": "failed",
        "new": "stopped", "tidied": "finished",
    }  # fmt: skip
    where = f"--results {lab.results}"
    assert found["done"]["next"] == f"lab report done {where}"
    assert found["tidied"]["next"] == f"lab report tidied {where}"  # a resume would begin it again
    assert found["cut"]["next"] == f"lab resume cut {where}"
    assert found["lost"]["next"] == f"lab report lost {where}"
    assert found["lost"]["note"] == "loss was not finite at step 2010"
    assert found["early"]["note"] == "no checkpoint yet: it begins again at step 0"
    assert (found["cut"]["step"], found["cut"]["steps"]) == (2000, 4000)
    for each in found.values():
        parser().parse_args(shlex.split(each["next"])[1:])


def test_a_run_that_is_trained_right_now_is_told_by_its_lock(lab: Lab) -> None:
    run = gan_run(lab.runs / "busy", until=2000)
    code = (
        "import sys; from pathlib import Path; from lab.training.run import Run\n"
        "with Run.open(sys.argv[1]).lock():\n    print('mine', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(run)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout
    assert other.stdout.readline() == "mine\n"
    found = lab.told()["busy"]
    assert (found["state"], found["note"]) == ("training", f"in use by process {other.pid}")
    assert found["next"].startswith("lab report busy")
    other.kill()
    other.wait()
    assert lab.told()["busy"]["state"] == "stopped"


def test_listing_changes_nothing(lab: Lab) -> None:
    checkpoint(gan_run(lab.runs / "cut", until=2000), 1000)
    gan_run(lab.runs / "ring" / "a-s0")
    before = sorted((path, path.stat().st_mtime_ns) for path in lab.results.rglob("*"))
    lab.said()
    lab.said("ring")
    assert sorted((path, path.stat().st_mtime_ns) for path in lab.results.rglob("*")) == before


def test_the_best_score_is_the_trainers_first_and_knows_its_direction(lab: Lab) -> None:
    rows = [{"step": 10 * n, "evaluation/ema/frechet": value} for n, value in enumerate([90.0, 41.5, 41.5, 60.0], 1)]
    write_run(lab.runs / "images", "gan", IMAGES, [*rows, {"step": 50, "evaluation/ema/frechet": "nan"}])
    gan_run(lab.runs / "ring")
    rl_run(lab.runs / "car")
    found = lab.told()
    best = {"column": "evaluation/ema/frechet", "value": 41.5, "step": 20, "direction": "lower"}
    assert found["images"]["best"] == best
    assert found["ring"]["best"] == {**best, "column": "evaluation/ema/modes", "value": 8.0, "step": 2200,
                                     "direction": "higher"}  # fmt: skip
    assert found["car"]["best"]["column"] == "evaluation/return"
    assert "ema/frechet 41.5 (lowest) at 20 " in lab.said()
    assert "ema/modes 8 (highest) at 2,200 " in lab.said()


def test_one_line_a_run_and_one_a_study(lab: Lab) -> None:
    gan_run(lab.runs / "ring-s0")
    for seed in (0, 1):
        checkpoint(gan_run(lab.runs / "ring" / f"a-s{seed}"), 4000)
    checkpoint(gan_run(lab.runs / "ring" / "a-s2", until=2000), 1000)
    (lab.runs / "ring" / "logs").mkdir()
    header, run, gap, head, study = lab.said().splitlines()
    assert header.split() == ["run", "trainer", "state", "step", "best", "score", "next"]
    assert run.split()[:6] == ["ring-s0", "gan", "finished", "4,000", "of", "4,000"]
    assert gap == ""
    assert head.split() == ["study", "trainer", "runs", "states", "next"]
    assert study.split()[:7] == ["ring", "gan", "3", "2", "finished,", "1", "stopped"]
    assert study.endswith(f"lab runs ring --results {lab.results}")
    found = lab.told("ring")
    assert list(found) == list(lab.told("ring/")) == ["ring/a-s0", "ring/a-s1", "ring/a-s2"]
    assert found["ring/a-s2"]["next"] == f"lab resume ring/a-s2 --results {lab.results}"
    assert found["ring/a-s0"]["best"]["value"] == 8.0


SPOILED = {
    "config.yaml": ["", "steps: [", "steps: word", "- steps", "steps: 1e9", f"steps: {'9' * 400}", "steps: 0", "\0"],
    "provenance.json": ["", "{", "[]", "[" * 100_000, '{"trainer": 1}'],
    "metrics.jsonl": ["null\n", '{"step": -1}\n', '{"step": 1, "a\\nb": 1}\n'],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in SPOILED.items() for text in texts])
def test_a_damaged_run_is_one_line_and_the_others_are_there(lab: Lab, name: str, text: str) -> None:
    gan_run(lab.runs / "good")
    (gan_run(lab.runs / "bad") / name).write_text(text)
    _, bad, good = lab.said().splitlines()
    assert bad.split()[:3] == ["bad", "-", "broken"]
    assert name in bad
    assert good.startswith("good  gan      finished")


def test_foreign_things_are_one_line_each(lab: Lab) -> None:
    for name in ("new\nline", os.fsdecode(b"b\xff"), ".hidden.12.new"):
        (lab.runs / name).mkdir(parents=True)
    (lab.runs / "file").write_text("")
    write_run(lab.runs / "theirs", "flow", {"steps": 10}, [{"step": 10}])
    (gan_run(lab.runs / "piped") / "lock").mkdir()
    os.mkfifo(gan_run(lab.runs / "pipe") / "events.jsonl")
    (lab.runs / "piped" / "metrics.jsonl").unlink()
    os.mkfifo(lab.runs / "piped" / "metrics.jsonl")
    lines = lab.said().splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["b\\udcff", "new\\nline", "pipe", "piped", "theirs"]
    assert "metrics.jsonl: cannot be read: it is no regular file" in lines[4]
    assert "trainer 'flow' is not known" in lines[5]
    assert json.loads(lab.said("--json"))


def test_nothing_there(lab: Lab) -> None:
    assert lab.said() == f"no runs under {lab.runs}\n"
    assert json.loads(lab.said("--json")) == {"runs": [], "studies": []}
    gan_run(lab.runs / "ring" / "a-s0")
    gan_run(lab.runs / "single")
    for name in ("rng", "single", "", "..", "ring/a-s0", "/"):
        assert main(["runs", name, "--results", str(lab.results)]) == 2
        (line,) = lab.capsys.readouterr().err.splitlines()
        assert line.endswith("(studies: ring)")
