"""The configuration of a federated run: that of another trainer, and the block ``federated``. Its steps are rounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from lab.errors import UserError
from lab.federated.clocks import ODD, SERVER, Clocks
from lab.federated.partition import PARTITIONS, Iid, PartitionPart
from lab.federated.servers import SERVERS, ServerPart, SgdServer
from lab.phase import Follower, Voice
from lab.training.config import RunConfig, as_mapping, resolve
from lab.training.local import Federates
from lab.training.offsets import Offsets
from lab.training.plugins import meant, offering, trainers
from lab.training.record import Config

BLOCK = "federated"
SERVER_RATE = f"{SERVER}lr"
"""The voice of the server's learning rate."""
LENGTHS: Mapping[str, int] = {"period": 1, "total": 1, "start": 0, "steps": 1}
"""Settings of clocks and cooldowns that are steps, with the least of each."""
SGD: Mapping[str, Any] = {"name": "sgd", "momentum": 0.0}
"""The clients' optimiser where a configuration with the block names none."""


class Federated(Config):
    """Clients, what each of them does in a round, and what the server makes of it."""

    trainer: str = Field(
        description="whose networks are trained; found by what else is configured where it is left out"
    )
    clients: int = Field(20, ge=1, le=1_000_000_000, description="how many there are")
    partition: Annotated[PartitionPart, PARTITIONS] = Field(Iid(), description="which samples each client has")
    samples: int | None = Field(
        None,
        ge=1,
        le=100_000_000,
        description="of each client, drawn on its own, so that clients may share samples; null: all samples are shared "
        "out, each to one client",
    )
    fraction_train: float = Field(
        1.0, gt=0, le=1, description="share of the clients that train in a round, drawn by the seed"
    )
    local_steps: int = Field(
        10, ge=1, le=1_000_000, description="updates of a client in a round, each on a batch of its data"
    )
    local_epochs: float | None = Field(
        None, gt=0, le=10_000, description="in the place of local_steps: times that a client goes through its data"
    )
    proximal_mu: float = Field(
        0.0, ge=0, le=1e6, description="μ of FedProx: (μ/2)·‖w − w₀‖² holds a client to the weights it was sent"
    )
    normalise: bool = Field(
        False,
        description="FedNova: an update counts by its direction, divided by the sum of its client's learning rates, to "
        "which that of plain SGD is in proportion",
    )
    server: Annotated[ServerPart, SERVERS] = Field(
        SgdServer(), description="what moves the server's weights along the averaged update, at the rate server.lr"
    )
    offsets: Offsets = Field(
        0.0,
        description="of the clients' clocks to the server's, in cycles: one number, spread (client k of K by k/K), or "
        "a list that clients take in turn",
    )
    periods: tuple[Annotated[int, Field(ge=1, le=1_000_000_000)], ...] = Field(
        (),
        max_length=10_000,
        description="of the clients' clocks in the place of clock.period, taken in turn; a mean is of a client's whole "
        "cycles, and scores are of the server's",
    )
    norm_limit: float = Field(
        10.0, gt=0, le=1e30, description="an update that is longer than so many times the weights is refused"
    )
    target: float = Field(
        0.95, gt=0, le=1, description="accuracy to which rounds are counted, as evaluation/rounds_to_target"
    )
    engine: Literal["simulation", "flower"] = Field(
        "simulation", description="whether clients are simulated in this process, or are Flower's (extra flower)"
    )
    address: str | None = Field(
        None, description="with flower: HOST:PORT where real clients come to; null: as many as workers, on loopback"
    )
    workers: int = Field(
        1, ge=1, le=256, description="with flower: processes of clients that are begun on this machine"
    )


class FederatedConfig(RunConfig):
    """What a trainer's configuration has, with steps, clock and voices in rounds, and the block ``federated``."""

    model_config = ConfigDict(extra="allow")

    federated: Federated = Field(description="clients and server")

    @classmethod
    def rewritten(cls, mapping: Mapping[str, Any], changed: bool) -> Mapping[str, Any]:
        """Another trainer's preset as one of clients; once it counts, with every setting of that trainer's."""
        if not changed:
            return mapping if BLOCK in mapping else _of_clients(mapping)
        block = mapping.get(BLOCK)
        if not isinstance(block, Mapping):
            return mapping  # pydantic says what is wrong with it
        trainer = block.get("trainer") or _trainer_of(mapping)
        inner = _inner(trainer, {"optimizer": SGD, **mapping})
        voices = mapping.get("voices")
        return {**as_mapping(inner), "voices": voices, BLOCK: {**block, "trainer": trainer}}

    @cached_property
    def inner(self) -> RunConfig:
        """The configuration of the networks that clients train, of the trainer's own type."""
        return _inner(self.federated.trainer, as_mapping(self))

    def known_voices(self) -> Mapping[str, str]:
        """Those of the trainer, the server's learning rate, and of each voice one for clients of odd number."""
        own = self.inner.known_voices()
        odd = {name + ODD: f"{what}, of clients of odd number" for name, what in own.items()}
        return {**own, SERVER_RATE: "the server's learning rate", **odd}

    @classmethod
    def voice_ranges(cls) -> Mapping[str, tuple[float, float]]:
        """A negative rate of the server would go away from what clients found."""
        return {SERVER_RATE: (0.0, math.inf)}

    def parsed_voices(self) -> dict[str, Voice | Follower]:
        """As of any run, on the server's clock; one that follows what is measured is refused."""
        voices = super().parsed_voices()
        for name, voice in voices.items():
            if isinstance(voice, Follower):
                raise UserError(
                    f"voices.{name}.follow: {voice.source!r} is measured by no client; another voice is accepted"
                )
        return voices

    def own_modules(self) -> list[str]:
        """Also those of the trainer's parts."""
        return sorted({*super().own_modules(), *self.inner.own_modules()})

    @model_validator(mode="after")
    def _clocks_fit(self) -> Self:
        own = self.federated
        if own.periods and set(self.clock) != {"period"}:
            raise UserError(f"federated.periods: they take the place of clock.period, and clock is {dict(self.clock)}")
        clocks = Clocks(self.clock, self.voices, own.offsets, own.periods, own.clients)
        for period, client in {period: client for client, period in enumerate(own.periods[: own.clients])}.items():
            try:
                clocks.voices(client)
            except UserError as error:
                raise UserError(f"federated.periods: {period}: {error}") from None
        if own.clients == 1 and (odd := [name for name in self.voices if name.endswith(ODD)]):
            raise UserError(f"voices.{odd[0]}: no client has an odd number, as federated.clients is 1")
        for client in range(min(own.clients, 2)):
            heard = {name: voice.to_config() for name, voice in clocks.voices(client).items()}
            _inner(own.trainer, {**as_mapping(self), "voices": heard})
        return self

    @model_validator(mode="after")
    def _block_fits(self) -> Self:
        if self.federated.normalise and self.federated.proximal_mu:
            raise UserError(
                f"federated.normalise: with proximal_mu {self.federated.proximal_mu:g} updates are not in proportion "
                "to the sums of learning rates that they would be divided by; one of the two is accepted"
            )
        if self.federated.address is not None and self.federated.engine != "flower":
            raise UserError("federated.address: clients come to an address with engine: flower only")
        return self


def federates(trainer: str) -> Federates | None:
    """How a trainer's networks learn from parts of the data; None where its plug-in does not say."""
    from pkgutil import resolve_name

    place = getattr(trainers().get(trainer), BLOCK, "")
    return resolve_name(place) if place else None


def _inner(trainer: str, mapping: Mapping[str, Any]) -> RunConfig:
    """A trainer's own configuration in a federated one's data."""
    able = offering(BLOCK)
    if (found := able.get(trainer)) is None:
        accepted = ", ".join(able) or "none"
        raise UserError(f"federated.trainer: {trainer!r} cannot be trained by clients; accepted: {accepted}")
    voices = mapping.get("voices")
    data = {name: value for name, value in mapping.items() if name != BLOCK}
    if isinstance(voices, Mapping):
        data["voices"] = _heard(voices)
    return resolve(found.config_type(), data)


def _heard(voices: Mapping[str, Any]) -> dict[str, Any]:
    """The voices that a trainer knows, plain data: neither the server's nor those of clients of odd number."""
    return {str(n): v for n, v in voices.items() if not str(n).startswith(SERVER) and not str(n).endswith(ODD)}


def _trainer_of(mapping: Mapping[str, Any]) -> str:
    """The trainer whose settings a file has."""
    if (found := meant(mapping, able := offering(BLOCK))) is None:
        raise UserError(
            f"federated.trainer: missing, and no trainer's settings are all there; accepted: {', '.join(able)}"
        )
    return found


def _of_clients(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    """A preset of another trainer for clients: without what needs a state, its steps and clocks in rounds.

    A round is as many steps as a client takes in one, so that each client learns for as many as the preset says.
    """
    trainer = _trainer_of(mapping)
    found = federates(trainer)
    assert found is not None
    steps = int(Federated.model_fields["local_steps"].default)
    plain = {**found.plain(mapping), BLOCK: {"trainer": trainer}}
    for key in ("steps", "log_every", "evaluate_every", "checkpoint_every"):
        if isinstance(plain.get(key), int):
            plain[key] = max(1, math.ceil(plain[key] / steps))
    return {**plain, **{key: _in_rounds(plain[key], steps) for key in ("clock", "voices") if key in plain}}


def _in_rounds(value: Any, steps: int) -> Any:
    """Plain data of clocks and voices, every number of steps divided."""
    if isinstance(value, Mapping):
        return {
            key: max(LENGTHS[key], math.ceil(each / steps))
            if key in LENGTHS and isinstance(each, int)
            else _in_rounds(each, steps)
            for key, each in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_in_rounds(each, steps) for each in value]
    return value
