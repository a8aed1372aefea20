"""What the README shows works: its Python runs, its commands parse; its numbers, and those of results/, are results."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lab.cli.main import parser

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = re.findall(r"^lab .*?(?=\s{2,}#|$)", README, re.MULTILINE)
FINDINGS = (ROOT / "results" / "README.md").read_text()
PAGES = {ROOT: README, ROOT / "results": FINDINGS}
"""By the folder that their links start from."""
LINKS = [(place, link) for place, page in PAGES.items() for link in re.findall(r"\]\(((?!https?:)[^)]+)\)", page)]
STUDIES = [
    (page, name) for page in PAGES.values() for name in re.findall(r"\[results/([\w-]+)\]\([^)]*summary.md\)", page)
]


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS, ids=["pytorch", "sb3", "own"])
def test_programs_run(program: str, tmp_path: Path) -> None:
    """As they stand, but for the length of the agent's: after four rollouts nothing new happens."""
    program = program.replace("model.learn(20_000,", "model.learn(4_096,")
    assert "20_000" not in program
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=280)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_parse(command: str) -> None:
    parser().parse_args(shlex.split(command)[1:])


@pytest.mark.parametrize(("place", "link"), LINKS, ids=[link for _, link in LINKS])
def test_links_lead_somewhere(place: Path, link: str) -> None:
    assert (place / link.partition("#")[0]).exists()


def rows(text: str) -> dict[str, list[set[str]]]:
    """The first cell of every table row -> the other cells of each row that begins with it."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ]
    found: dict[str, list[set[str]]] = {}
    for first, *rest in cells:
        found.setdefault(first, []).append(set(rest))
    return found


@pytest.mark.parametrize(("page", "study"), STUDIES, ids=[name for _, name in STUDIES])
def test_numbers_come_from_results(page: str, study: str) -> None:
    section = page.split(f"[results/{study}]")[1].split("\n**")[0]
    found, shown = rows((ROOT / "results" / study / "summary.md").read_text()), rows(section)
    arms = shown.keys() & found.keys() - {"arm", "---"}
    assert arms, "the README shows no arm of the study"
    for arm in arms:
        for cells in shown[arm]:
            assert any(cells <= row for row in found[arm]), f"{arm}: {cells} stand in no row of results/{study}"


@pytest.mark.parametrize("trainer", ["gan", "rl"])
def test_ratios_come_from_results(trainer: str) -> None:
    workloads = json.loads((ROOT / "results" / "bench" / f"{trainer}.json").read_text())["workloads"]
    text = " ".join(README.split()).lower().replace("-", " ")
    for name, found in workloads.items():
        assert f"{found['ratio']:.2f} ({name.replace('-', ' ')})" in text
