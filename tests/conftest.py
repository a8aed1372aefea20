"""One thread a test process, slow tests first, and processes that need not import torch again."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The suite runs a process a core, and small networks lose by sharing cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

sys.path.insert(0, str(Path(__file__).parent / "processes"))
from forked import Forker

LONGEST = ("test_demo", "test_kills", "test_killed", "test_fuzz")
"""Modules with tests of half a minute."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exhaustive", action="store_true", help="every combination where the suite takes a selection")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests first, the longest at the front: the quick ones then fill what one worker leaves to another."""
    items.sort(key=lambda item: (item.get_closest_marker("slow") is None, item.path.stem not in LONGEST))


@pytest.fixture(scope="session")
def forker() -> Iterator[Forker]:
    """Starts `lab` in processes that are forked from a warm one."""
    started = Forker()
    yield started
    started.close()
