"""What the README shows works as it stands: its Python is run, its commands parse, its links lead somewhere."""

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
LINKS = re.findall(r"\]\(((?!https?:)[^)]+)\)", README)


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS, ids=["pytorch", "sb3"])
def test_programs_run(program: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=280)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_parse(command: str) -> None:
    parser().parse_args(shlex.split(command)[1:])


@pytest.mark.parametrize("link", LINKS)
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
