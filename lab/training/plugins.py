"""Finds the trainers that installed packages announce, and the presets they ship."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

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
            missing = [name for name in NEEDED if not hasattr(plugin, name)]
        except (Exception, SystemExit) as error:  # whatever someone else's module does while it is imported
            broken[entry.name] = f"{type(error).__name__}: {error}"
            continue
        if missing:
            broken[entry.name] = f"{entry.value} lacks {', '.join(missing)}"
        elif plugin.name != entry.name:
            broken[entry.name] = f"{entry.value} calls itself {plugin.name!r}; one name for both is accepted"
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


def shown(plugin: TrainerPlugin, config: Mapping[str, Any]) -> TrainerPlugin:
    """The trainer whose networks, columns and figures a run has: its own, or where it has workers theirs.

    Args:
        plugin: its trainer.
        config: its plain data.
    """
    inner = getattr(plugin, "shown_as", None)
    return plugin if inner is None else trainer(inner(config))


def kind(name: str, config: Mapping[str, Any]) -> str:
    """The name of the trainer whose columns a run has, :func:`shown`; of a trainer that is not installed its own."""
    known = trainers().get(name)
    return name if known is None else shown(known, config).name


def networks(name: str, config: Mapping[str, Any]) -> str:
    """The name of the trainer whose networks a run has: that of its workers, of its clients, or its own."""
    inner = getattr(trainers().get(name), "networks_of", None)
    return str(inner(config)) if inner else kind(name, config)


def offering(attribute: str) -> dict[str, TrainerPlugin]:
    """The trainers whose plug-ins have something under the name of an attribute that not all have."""
    return {name: plugin for name, plugin in trainers().items() if getattr(plugin, attribute, None)}


def meant(mapping: Mapping[str, Any], able: Mapping[str, TrainerPlugin]) -> str | None:
    """Which of some trainers a file is for that names none: the one whose own required settings are all there.

    Settings that every run has (steps, voices, …) say nothing. None where no trainer, or more than one, is left.
    """
    from lab.training.config import RunConfig

    fields = {name: plugin.config_type().model_fields for name, plugin in able.items()}
    own = {n: {k for k, f in each.items() if f.is_required()} - {*RunConfig.model_fields} for n, each in fields.items()}
    found = [name for name, required in own.items() if required <= {*mapping}]
    return found[0] if len(found) == 1 else None


def scores(plugin: TrainerPlugin) -> dict[str, bool]:
    """The evaluation columns of the trainer's headline, most important first, and whether less of each is better."""
    lower = getattr(plugin, "lower_is_better", ())
    return {name: name in lower for name in plugin.headline if name.startswith(EVALUATION)}


def preset_names(plugin: TrainerPlugin) -> list[str]:
    """The presets that the trainer ships, sorted."""
    return sorted(path.stem for path in Path(plugin.presets).glob("*.yaml"))


def preset_files(plugin: TrainerPlugin) -> dict[str, Path]:
    """Every preset that the trainer takes, by name: its own, and ``NAME/PRESET`` of others whose networks it trains.

    Where only one of these others has a preset of a name, and it has none itself, the name alone is enough.
    """
    own = {name: Path(plugin.presets) / f"{name}.yaml" for name in preset_names(plugin)}
    wanted = getattr(plugin, "presets_of", "")
    others = {name: other for name, other in offering(wanted).items() if other is not plugin} if wanted else {}
    full = {f"{n}/{name}": Path(p.presets) / f"{name}.yaml" for n, p in others.items() for name in preset_names(p)}
    words = [name.partition("/")[2] for name in full]
    alone = {word: path for word, path in zip(words, full.values(), strict=True) if words.count(word) == 1}
    return {**full, **alone, **own}


def preset_words(plugin: TrainerPlugin) -> list[str]:
    """Every preset that the trainer takes once, by its shortest name, sorted."""
    return sorted({path: name for name, path in preset_files(plugin).items()}.values())


def is_file(plugin: TrainerPlugin, text: str) -> bool:
    """Whether ``text`` means a preset file of the user's own: an existing file that no shipped preset's name is."""
    # Not Path.is_file, which raises where a name is longer than a file system takes.
    return text not in preset_files(plugin) and os.path.isfile(text)


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
    names = sorted(files)
    several = [name for name in names if name.endswith(f"/{text}")]
    close = get_close_matches(text, names, n=1)
    hint = f"; did you mean {' or '.join(several) or repr(close[0])}?" if several or close else ""
    raise UserError(
        f"{one_line(text, 80)!r} is neither a preset of {plugin.name} nor a file{hint} "
        f"(presets: {', '.join(preset_words(plugin)) or 'none'})"
    )
