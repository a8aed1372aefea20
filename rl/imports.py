"""Begins a run with the weights of an agent that Stable-Baselines3 saved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lab.door import files, jsons, torches
from lab.door.text import one_line
from lab.errors import UserError
from lab.training import checkpoints
from lab.training.loop import make_context
from lab.training.recovery import about
from lab.training.run import Run
from rl.config import RlConfig
from rl.normalise import ObservationMoments
from rl.trainer import RlTrainer

WEIGHTS = "policy.pth"
MOST = 1 << 24
COUNT = 1e6
"""Of how many observations imported moments count as being: they hardly move while the agent is trained on."""


def begin(config: RlConfig, model: Path, normalisation: Path | None, root: Path, name: str | None, preset: str) -> Run:
    """Make a run at step 0 whose policy has the weights of a saved one; ``lab resume`` trains it on.

    Optimisers, replay buffer, counters and SAC's entropy coefficient begin anew: of what SB3 saved, only the policy's
    tensors are read.

    Args:
        config: of the run, of the same agent with the same networks.
        model: SB3's zip.
        normalisation: what the agent's observations are standardised by, as ``lab rl export`` writes it.
        root: the directory of runs.
        name: of the run, as for ``lab rl train``.
        preset: what the configuration came from.

    Raises:
        UserError: the files are others, or do not fit the configuration.
    """
    weights = torches.weights(model, WEIGHTS)
    moments = None if normalisation is None else _parsed(normalisation)
    run = Run.create(root, name, "rl", config, preset=preset)
    try:
        trainer = RlTrainer(config, make_context(run, config))
        _load(trainer, weights, moments, model, normalisation)
    except UserError:
        run.discard_untrained()
        raise
    checkpoints.save(run.checkpoints, 0, trainer.state_dict(), about(run))
    return run


def _load(trainer: RlTrainer, weights: Mapping[str, Any], moments: Any, model: Path, beside: Path | None) -> None:
    try:
        trainer.model.policy.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise UserError(
            f"{model}: its policy is another than the configuration's {trainer.config.agent.agent!r} "
            f"({one_line(str(error), 300)})"
        ) from None
    seen = trainer.env.observations
    if (seen is None) != (moments is None):
        raise UserError(
            "--normalisation: is missing; accepted: the file that lab rl export writes, or --set "
            "normalise_observations=false for an agent that sees observations as they are"
            if moments is None
            else f"--normalisation {beside}: the configuration does not standardise observations; accepted: none"
        )
    if seen is not None:
        _fill(seen, moments, str(beside))


def _parsed(path: Path) -> Any:
    try:
        return jsons.parse(files.read(path, MOST))
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, UserError) else UserError(f"{path}: cannot be read: {error}") from None


def _fill(seen: ObservationMoments, given: Any, where: str) -> None:
    """Put mean and variance into moments, of a Dict by the names of its entries."""
    if isinstance(seen, dict):
        if not isinstance(given, dict) or given.keys() != seen.keys():
            raise UserError(f"{where}: accepted are the moments of {', '.join(seen)}")
        for name, part in seen.items():
            _fill(part, given[name], f"{where}: {name}")
        return
    for name in ("mean", "variance"):
        try:
            values = np.asarray(given[name], dtype=np.float64)
        except (KeyError, TypeError, ValueError):
            raise UserError(f"{where}: has no numbers called {name}") from None
        if (
            values.shape != seen.mean.shape
            or not np.isfinite(values).all()
            or (name == "variance" and values.min() < 0)
        ):
            raise UserError(
                f"{where}: {name} is not of shape {list(seen.mean.shape)}, finite and, a variance, at least 0"
            )
        setattr(seen, name, values)
    seen.count = COUNT
