"""The command line as a whole: help, version, exit statuses, and trainers that cannot be loaded."""

import errno
import resource
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from lab.cli.main import main

Lab = Callable[..., "subprocess.CompletedProcess[str]"]
NAMED = "from toy_plugin import ToyPlugin\nPLUGIN = ToyPlugin()\n"


def test_help_lists_commands_trainers_and_examples(lab: Lab) -> None:
    done = lab("--help")
    assert done.returncode == 0
    for word in ("resume", "toy", "a regression for tests, 100% real", "examples:", "lab gan train ring"):
        assert word in done.stdout


def test_help_is_quick(lab: Lab) -> None:
    """In processor time: the wall's clock also measures who else is at work on the machine."""

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    since = spent()
    lab("--help")
    assert spent() - since < 0.5


def test_version(lab: Lab) -> None:
    assert lab("--version").stdout == f"phase-lab {version('phase-lab')}\n"


def test_no_command_and_an_unknown_one(lab: Lab) -> None:
    assert lab().returncode == 2
    done = lab("trian")
    assert done.returncode == 2
    assert "invalid choice: 'trian'" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "lab: the following arguments are required: COMMAND (see lab --help)\n"),
        (["toy", "train"], "lab: the following arguments are required: PRESET|FILE (see lab toy train --help)\n"),
        (["resume", "x", "--quite"], "lab: unrecognized arguments: --quite (see lab --help)\n"),
        (
            ["bench", "phase", "--blocks", "x"],
            "lab: argument --blocks: invalid int value: 'x' (see lab bench phase --help)\n",
        ),
        (["bench", "phase", "--blocks", "0"], "lab: --blocks 0: at least one is needed\n"),
        (["bench", "phase", "--threads", "0"], "lab: threads: 0 is not accepted; expected 1 to 1024\n"),
    ],
)
def test_wrong_words_are_one_line(lab: Lab, words: list[str], said: str) -> None:
    done = lab(*words)
    assert done.stderr == said
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "runs/a/lock"), "lab: runs/a/lock: Permission denied\n"),
        (OSError("no device"), "lab: no device\n"),
        (MemoryError(), "lab: out of memory; ask for less at once\n"),
    ],
)
def test_what_the_system_refuses_is_one_line(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(args: object) -> int:
        raise error

    monkeypatch.setattr("lab.cli.resume.resume", refuse)
    assert main(["resume", "a"]) == 1
    assert capsys.readouterr().err == said


def test_a_broken_plugin_says_so_when_it_is_asked_for(lab: Lab) -> None:
    assert "wrecked" in lab("--help").stdout
    done = lab("wrecked", "train", "x", "--set", "steps=1")
    assert done.returncode == 2
    assert done.stderr == (
        "lab: trainer 'wrecked' cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'\n"
    )


@pytest.mark.parametrize(
    ("entry", "module", "said"),
    [
        ("quits", "raise SystemExit('no license')", "SystemExit: no license"),
        ("other", "from toy_plugin import PLUGIN", "hostile:PLUGIN calls itself 'toy'; one name for both is accepted"),
        ("odd", f"{NAMED}PLUGIN.name, PLUGIN.summary = 'odd', None", "AttributeError"),
        ("report", f"{NAMED}PLUGIN.name = 'report'", ""),
    ],
)
def test_a_plugin_of_any_kind_takes_nobody_else_down(
    lab: Lab, tmp_path: Path, entry: str, module: str, said: str
) -> None:
    info = tmp_path / "site" / "hostile-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hostile\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[phaselab.trainers]\n{entry} = hostile:PLUGIN\n")
    (tmp_path / "site" / "hostile.py").write_text(module)
    done = lab("runs")
    assert done.returncode == 0, done.stderr
    if said:
        done = lab(entry, "train", "x")
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    else:
        assert "usage: lab report" in lab("report", "--help").stdout


def test_a_reader_that_goes_away_is_no_traceback(lab: Lab) -> None:
    pipe = f"{sys.executable} -m lab.cli.main --help | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", pipe], capture_output=True, text=True, env=lab.env)  # type: ignore[attr-defined]
    assert "Traceback" not in done.stderr
