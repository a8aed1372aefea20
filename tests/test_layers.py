"""The house rule of DESIGN: a package imports only packages to its left, and the command line starts without torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "lab.errors": set(),
    "lab.phase": {"lab.errors"},
    "lab.training": {"lab.errors", "lab.phase"},
    "lab.supervised": {"lab.errors", "lab.phase", "lab.training"},
    "curricula": {"lab.errors", "lab.phase", "lab.training"},
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


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from lab.cli.main import parser; parser().format_help();"
        "print(sorted({'torch', 'matplotlib', 'sklearn', 'scipy', 'stable_baselines3', 'pydantic'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
