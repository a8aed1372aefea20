"""The examples in the engine's docstrings are true."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

MODULES = ("clock", "conductor", "drawing", "follower", "pytorch", "schedule", "targets", "voice", "parsing", "waves")


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(import_module(f"lab.phase.{name}")).failed == 0
