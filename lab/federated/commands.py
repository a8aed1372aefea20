"""`lab federated clients`: which samples and which clock each client of a configuration has."""

from __future__ import annotations

import argparse


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands beside ``train``."""
