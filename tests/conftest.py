"""One thread a test process: the suite runs a process a core, and small networks lose by sharing cores."""

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exhaustive", action="store_true", help="every combination where the suite takes a selection")
