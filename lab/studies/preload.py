"""What a process for trials imports before the first of them, so that each begins at once."""

from __future__ import annotations

from lab.training import plugins


def preload(trainer: str) -> list[str]:
    """Modules that every trial of a trainer needs, and that take seconds to import."""
    plugin = plugins.trainer(trainer)
    # torch._dynamo: the first optimiser of a process imports it, for more than a second.
    return ["lab.studies.work", plugin.config_type().__module__, "torch._dynamo"]
