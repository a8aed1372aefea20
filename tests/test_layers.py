"""The house rule of DESIGN: a package imports only packages to its left, and the command line starts without torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "lab.errors": set(),
    "lab.door": {"lab.errors"},
    "lab.phase": {"lab.errors"},
    "lab.training": {"lab.errors", "lab.door", "lab.phase"},
    "lab.diagnostics": {"lab.errors", "lab.door", "lab.phase", "lab.training"},
    "lab.techniques": {"lab.errors", "lab.door", "lab.phase", "lab.training"},
    "lab.supervised": {"lab.errors", "lab.door", "lab.phase", "lab.training", "lab.techniques"},
    "lab.supervised.commands": {"lab"},
    "lab.supervised.figures": {"lab"},
    "lab.supervised.task_figures": {"lab"},
    "lab.supervised.recall_figure": {"lab"},
    "lab.federated": {"lab.errors", "lab.door", "lab.phase", "lab.training", "lab.techniques"},
    "lab.federated.commands": {"lab"},
    "lab.federated.figures": {"lab"},
    "lab.distributed": {"lab.errors", "lab.door", "lab.phase", "lab.training"},
    "lab.distributed.commands": {"lab"},
    "lab.distributed.work": {"lab"},
    "lab.distributed.scale_figure": {"lab"},
    "lab.distributed.intervals_figure": {"lab"},
    "curricula": {"lab.errors", "lab.door", "lab.phase", "lab.training"},
    "gan": {"lab", "curricula"},
    "rl": {"lab", "curricula"},
    "lab.reports": {"lab"},
    "lab.studies": {"lab"},
    "lab.cli": {"lab"},
}


def package_of(module: str) -> str | None:
    """The longest key of MAY_IMPORT that names the module or a package above it."""
    parts = module.split(".")
    for end in range(len(parts), 0, -1):
        if (name := ".".join(parts[:end])) in MAY_IMPORT:
            return name
    return None


def ours(name: str) -> bool:
    return name.split(".")[0] in {"lab", "gan", "rl", "curricula"}


def imports(path: Path) -> set[str]:
    """Every module of ours that the file imports, at any depth of its code."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            pytest.fail(f"{path}: relative imports hide the layer; write the absolute name")
    return {name for name in found if ours(name)}


def allowed(package: str, target: str) -> bool:
    return any(target == name or target.startswith(name + ".") for name in MAY_IMPORT[package] | {package})


FILES = sorted(p for top in ("lab", "gan", "rl", "curricula") for p in (ROOT / top).rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    package = package_of(module)
    if package is None:
        assert module == "lab", f"{module} lies in no layer: name it in MAY_IMPORT"
        return
    wrong = sorted(name for name in imports(path) if not allowed(package, name))
    assert not wrong, f"{module} may not import {wrong}"


DECODERS = {
    "json": {"load", "loads"},
    "yaml": None,
    "csv": {"reader", "DictReader"},
    "gzip": None,
    "zipfile": None,
    "tarfile": None,
    "lzma": None,
    "bz2": None,
    "pickle": None,
    "pickletools": None,
    "safetensors": {"safe_open", "deserialize"},
    "safetensors.torch": {"load", "load_file", "load_model"},
    "numpy": {"load", "loadtxt", "genfromtxt", "fromfile", "memmap"},
    "torch": {"load"},
    "PIL.Image": {"open"},
}
"""What turns outside bytes into objects, by module; None is all of it. Only the door may."""


def decoders(path: Path) -> set[str]:
    """The names of DECODERS that a file uses."""
    tree, names, found = ast.parse(path.read_text()), {}, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
                if alias.name in DECODERS and DECODERS[alias.name] is None:
                    found.add(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                of = DECODERS.get(node.module, set())
                if of is None or alias.name in of:
                    found.add(f"{node.module}.{alias.name}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            words = ast.unparse(node).split(".")
            words[0] = names.get(words[0], words[0])
            module, _, name = ".".join(words).rpartition(".")
            if name in (DECODERS.get(module) or set()):
                found.add(f"{module}.{name}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_outside_data_enters_by_the_door(path: Path) -> None:
    if (ROOT / "lab" / "door") not in path.parents:
        assert not decoders(path), "read it through lab.door"


@pytest.mark.parametrize(
    "code",
    ["import json\njson.loads('1')", "import numpy as np\nnp.load('x')", "from yaml import safe_load", "import gzip",
     "from PIL import Image\nImage.open('x')", "import safetensors.torch\nsafetensors.torch.load(b'')",
     "import torch\ntorch.load('x')", "from safetensors import safe_open", "import csv\ncsv.DictReader([])",
     "import tarfile", "import lzma", "from bz2 import decompress", "from pickletools import genops"],
)  # fmt: skip
def test_a_decoder_is_noticed(code: str, tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(code)
    assert decoders(tmp_path / "code.py")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from lab.cli.main import parser; parser().format_help();"
        "print(sorted({'torch', 'matplotlib', 'sklearn', 'scipy', 'stable_baselines3', 'pydantic'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
