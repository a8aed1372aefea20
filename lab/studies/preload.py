"""What a process for trials imports before the first of them, so that each begins at once."""

from __future__ import annotations

from lab.training import plugins


def preload(trainer: str) -> list[str]:
    """Modules that every trial of a trainer needs, and that take seconds to import.

    Also those of the trainers whose networks it trains, where it has none of its own.
    """
    plugin = plugins.trainer(trainer)
    all_of = [plugin, *plugins.offering(getattr(plugin, "presets_of", "")).values()]
    modules = [module for p in all_of for module in (p.config_type().__module__, *getattr(p, "modules", ()))]
    # torch._dynamo: the first optimiser of a process imports it, for more than a second.
    return list(dict.fromkeys(["lab.studies.work", *modules, "torch._dynamo", "lab.studies.frozen"]))
