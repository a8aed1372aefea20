"""Weights and answers as Flower's messages carry them, and back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from lab.errors import UserError
from lab.federated.answer import Answer, Weights

ROUND, CLIENT = "round", "client"
"""What the server sends beside weights."""
MOVED, FOUND = "moved ", "found "
"""What the names of a client's numbers begin with: ∫lr by network, and what it measured."""
WORD, MOST_WORDS = re.compile(r"\w{1,40}(/\w{1,40})*", re.ASCII), 64
"""What a measurement may be called, which becomes a column of the log, and how many a client may send."""
ANY = -1
"""The client of a node that stands for whichever it is asked to be."""


def flower() -> Any:
    """Flower's ``common``, quiet, and without its usage reports.

    Raises:
        UserError: it is not installed.
    """
    import os

    os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
    try:
        import flwr.common
    except ImportError:
        raise UserError(
            "engine: flower needs the extra 'flower': pip install 'phase-lab[flower]'; simulation is accepted here"
        ) from None
    import logging

    logging.getLogger("flwr").setLevel(logging.ERROR)
    return flwr.common


def packed(weights: Weights) -> Any:
    """Flower's parameters of these weights, in their order."""
    arrays = [tensor.detach().cpu().numpy() for own in weights.values() for tensor in own.values()]
    return flower().ndarrays_to_parameters(arrays)


def unpacked(parameters: Any, like: Weights) -> dict[str, dict[str, torch.Tensor]]:
    """The weights that parameters hold, under the names of others; whatever else was sent has a name of its own."""
    found: dict[str, dict[str, torch.Tensor]] = {name: {} for name in like}
    names = iter([(name, key) for name, own in like.items() for key in own])
    device = next((tensor.device for own in like.values() for tensor in own.values()), torch.device("cpu"))
    for place, array in enumerate(_arrays(parameters)):
        name, key = next(names, (next(iter(like)), f"array {place}"))
        found[name][key] = torch.from_numpy(np.array(array)).to(device)
    return found


def _arrays(parameters: Any) -> Iterator[np.ndarray[Any, Any]]:
    yield from flower().parameters_to_ndarrays(parameters)


def numbers(answer: Answer) -> dict[str, float]:
    """What an answer says beside its weights."""
    moved = {MOVED + name: value for name, value in answer.moved.items()}
    return moved | {FOUND + word: value for word, value in answer.found.items()}


def answer(client: int, samples: int, metrics: Mapping[str, Any], weights: Weights) -> Answer:
    """The answer that was sent; numbers that are none are left out, and measurements that are not called by a word."""
    sent = {str(k): float(v) for k, v in metrics.items() if isinstance(v, int | float)}
    moved, found = ({k.removeprefix(w): v for k, v in sent.items() if k.startswith(w)} for w in (MOVED, FOUND))
    words = [word for word in found if WORD.fullmatch(word)][:MOST_WORDS]
    return Answer(client, samples, moved, weights, {word: found[word] for word in words})
