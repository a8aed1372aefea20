"""Finds the trainers that installed packages announce, and the presets they ship."""

from __future__ import annotations

import os
from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from lab.door.text import one_line
from lab.errors import UserError
from lab.training.trainer import TrainerPlugin

GROUP = "phaselab.trainers"
EVALUATION = "evaluation/"
"""What columns of the metrics log begin with that are scores."""
NEEDED = ("name", "summary", "presets", "step_unit", "headline", "config_type", "build", "add_commands", "figures")


@cache
def discover() -> tuple[dict[str, TrainerPlugin], dict[str, str]]:
    """Trainers by name, and for each that could not be loaded the reason: a broken one takes nobody else down."""
    found: dict[str, TrainerPlugin] = {}
    broken: dict[str, str] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            plugin = entry.load()
        except Exception as error:  # whatever someone else's module does while it is imported
            broken[entry.name] = f"{type(error).__name__}: {error}"
            continue
        missing = [name for name in NEEDED if not hasattr(plugin, name)]
        if missing:
            broken[entry.name] = f"{entry.value} lacks {', '.join(missing)}"
        else:
            found[entry.name] = plugin
    return found, broken


def trainers() -> dict[str, TrainerPlugin]:
    """Every trainer that loads, by its name on the command line."""
    return discover()[0]


def trainer(name: str) -> TrainerPlugin:
    """The trainer called ``name``.

    Raises:
        UserError: there is none of that name, or it could not be loaded.
    """
    found, broken = discover()
    if name in found:
        return found[name]
    if name in broken:
        raise UserError(f"trainer {name!r} cannot be loaded: {broken[name]}")
    raise UserError(f"trainer {name!r} is not known; installed: {', '.join(found) or 'none'}")


def scores(plugin: TrainerPlugin) -> dict[str, bool]:
    """The evaluation columns of the trainer's headline, most important first, and whether less of each is better."""
    lower = getattr(plugin, "lower_is_better", ())
    return {name: name in lower for name in plugin.headline if name.startswith(EVALUATION)}


def preset_names(plugin: TrainerPlugin) -> list[str]:
    """The presets that the trainer ships, sorted."""
    return list(preset_files(plugin))


def preset_files(plugin: TrainerPlugin) -> dict[str, Path]:
    """The presets that the trainer ships, by name, sorted."""
    if hasattr(plugin, "preset_files"):
        own: dict[str, Path] = plugin.preset_files()
        return own
    return {path.stem: path for path in sorted(Path(plugin.presets).glob("*.yaml"))}


def is_file(plugin: TrainerPlugin, text: str) -> bool:
    """Whether ``text`` means a preset file of the user's own: an existing file that no shipped preset's name is."""
    # Not Path.is_file, which raises where a name is longer than a file system takes.
    return text not in preset_names(plugin) and os.path.isfile(text)


def preset_path(plugin: TrainerPlugin, text: str) -> Path:
    """The file that ``text`` means: a shipped preset's name, else the path of a file.

    Raises:
        UserError: it is neither; the message lists the presets.
    """
    if is_file(plugin, text):
        return Path(text)
    files = preset_files(plugin)
    if text in files:
        return files[text]
    names = list(files)
    close = get_close_matches(text, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise UserError(
        f"{one_line(text, 80)!r} is neither a preset of {plugin.name} nor a file{hint} "
        f"(presets: {', '.join(names) or 'none'})"
    )
