"""Workers that are processes of their own, by torch.distributed: gloo between CPUs, nccl between GPUs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import safetensors.torch
import torch
import torch.distributed as dist

# Its functions' defaults are the group that there is at its import: once there is one, they would keep it, and gloo's
# threads with it, which abort the process where the interpreter ends before they have let go of their tensors.
import torch.distributed.nn.functional  # isort: skip
from torch import Tensor
from torch._C._distributed_c10d import PrefixStore, TCPStore

from lab.distributed.group import LostWorkerError
from lab.distributed.reach import check_own, reach
from lab.distributed.trainer import WORDS
from lab.door import jsons, tensors
from lab.errors import RunError, UserError
from lab.training import tree

PATIENCE = 10.0
"""Seconds within which the address where workers meet must answer, unless the user says otherwise."""
MEETING = 60.0
"""Seconds within which all must be there: importing torch takes some of them, on a busy machine many."""
RUN = "lab/run"
"""Where a launcher's store keeps the path of the run that its processes train."""
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Place:
    """Where a launcher such as torchrun put this process, as it says by the environment."""

    rank: int
    size: int
    local_rank: int
    local_size: int
    address: str
    port: int
    restarts: int

    @classmethod
    def found(cls) -> Place | None:
        """None where no launcher started this process.

        Raises:
            UserError: what the launcher says cannot be.
        """
        if not {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= os.environ.keys():
            return None
        size = _number("WORLD_SIZE", 1, 2**16)
        return cls(
            rank=_number("RANK", 0, size - 1),
            size=size,
            local_rank=_number("LOCAL_RANK", 0, 2**16),
            local_size=_number("LOCAL_WORLD_SIZE", 1, size) if "LOCAL_WORLD_SIZE" in os.environ else size,
            address=os.environ["MASTER_ADDR"],
            port=_number("MASTER_PORT", 1, 2**16 - 1),
            restarts=_number("TORCHELASTIC_RESTART_COUNT", 0, 2**31),
        )


def _number(name: str, least: int, most: int) -> int:
    text = os.environ.get(name, "0")
    if not text.isdecimal() or not least <= int(text) <= most:
        raise UserError(f"${name}: {text[:40]!r} is not accepted; a whole number from {least} to {most} is")
    return int(text)


def _together(member: Callable[P, R]) -> Callable[P, R]:
    """What takes all workers fails where one is gone."""

    @wraps(member)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return member(*args, **kwargs)
        except RuntimeError as error:
            raise LostWorkerError("a worker is gone, and the others stop; a launcher may start all again") from error

    return call


class Processes:
    """One worker a process; obeys :class:`lab.distributed.group.Group`. Nothing that is sent is pickled.

    Args:
        launcher: the store of what started these processes, which outlives them; None where it has none.
    """

    def __init__(self, launcher: TCPStore | None = None) -> None:
        self._launcher = launcher
        self.size = dist.get_world_size()
        self.ranks: Sequence[int] = (dist.get_rank(),)

    @property
    def leads(self) -> bool:
        """Whether this is worker 0."""
        return self.ranks[0] == 0

    def remember(self, run: str) -> None:
        """Tell those that a launcher starts in these processes' place which run this is."""
        if self._launcher is not None:
            self._launcher.set(RUN, run)

    def remembered(self) -> str | None:
        """What :meth:`remember` was told before; None where it was told nothing."""
        if self._launcher is None or not self._launcher.check([RUN]):
            return None
        return str(self._launcher.get(RUN).decode())

    @_together
    def mean(self, rows: Sequence[Tensor]) -> Tensor:
        """One all-reduce."""
        (total,) = rows
        total = total.clone()
        dist.all_reduce(total)
        return total.div_(self.size)

    @_together
    def gather(self, items: Sequence[Any]) -> list[Any]:
        """As bytes, each made as long as the longest."""
        (own,) = (_packed(item) for item in items)
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        dist.all_gather(sizes, torch.tensor([len(own)]))
        longest = int(max(sizes))
        sent = torch.zeros(longest, dtype=torch.uint8)
        sent[: len(own)] = own
        found = [torch.empty(longest, dtype=torch.uint8) for _ in range(self.size)] if self.leads else None
        dist.gather(sent, found)
        return [_unpacked(each[: int(size)]) for each, size in zip(found, sizes, strict=True)] if found else []

    @_together
    def scatter(self, items: Sequence[Any]) -> list[Any]:
        """As bytes, each made as long as the longest."""
        packed = [_packed(item) for item in items]
        sizes = (
            torch.tensor([len(each) for each in packed]) if self.leads else torch.zeros(self.size, dtype=torch.int64)
        )
        dist.broadcast(sizes, 0)
        longest = int(sizes.max())
        sent = [torch.nn.functional.pad(each, (0, longest - len(each))) for each in packed] if self.leads else None
        mine = torch.empty(longest, dtype=torch.uint8)
        dist.scatter(mine, sent)
        return [_unpacked(mine[: int(sizes[self.ranks[0]])])]

    @_together
    def tell(self, word: str, number: int) -> None:
        """The others hear it by :meth:`hear`."""
        dist.broadcast(torch.tensor([WORDS.index(word), number]), 0)

    @_together
    def hear(self) -> tuple[str, int]:
        """What worker 0 tells."""
        told = torch.zeros(2, dtype=torch.int64)
        dist.broadcast(told, 0)
        return WORDS[int(told[0])], int(told[1])


@contextmanager
def joined(place: Place, patience: float) -> Iterator[Processes]:
    """The group of all processes that the launcher started.

    Raises:
        RunError: the others cannot be reached in time, in one line.
    """
    devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if devices:
        torch.cuda.set_device(place.local_rank % devices)
    hosted = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"  # by the launcher
    if place.rank or hosted:
        reach(place.address, place.port, patience)
    else:
        check_own(place.address)
    try:
        wait = timedelta(seconds=MEETING)
        store = TCPStore(place.address, place.port, place.size, place.rank == 0 and not hosted, wait)
        # The launcher's store remembers where the workers of before listened.
        own = PrefixStore(f"lab/{place.restarts}", store)
        dist.init_process_group(
            backend(place.local_size, devices), store=own, rank=place.rank, world_size=place.size, timeout=wait
        )
        # The first meeting must be soon; later ones may wait for an evaluation, and a death ends them anyway.
        dist.distributed_c10d._set_pg_timeout(timedelta(hours=2))
    except (RuntimeError, ValueError) as error:
        where = f"{place.address}:{place.port}"
        words = str(error).splitlines()[0][:160]
        raise RunError(f"{place.size} workers did not meet at {where} within {MEETING:g} s ({words})") from None
    try:
        yield Processes(store if hosted else None)
    finally:
        dist.destroy_process_group()


def backend(workers: int, devices: int) -> str:
    """What sends between so many workers and GPUs of a machine; nccl refuses two workers on one device, gloo does not.

    >>> backend(2, 2), backend(2, 1), backend(2, 0)
    ('cpu:gloo,cuda:nccl', 'gloo', 'gloo')
    """
    return "cpu:gloo,cuda:nccl" if 0 < workers <= devices else "gloo"


def _packed(item: Any) -> Tensor:
    """A tree as bytes, uint8[n]: the length of its JSON, this, and its tensors."""
    splitter = tree.Splitter()
    data = json.dumps(splitter.split(item)).encode()
    content = len(data).to_bytes(8, "little") + data + safetensors.torch.save(splitter.tensors)
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)


def _unpacked(content: Tensor) -> Any:
    raw = content.numpy().tobytes()
    end = 8 + int.from_bytes(raw[:8], "little")
    return tree.join(jsons.parse(raw[8:end]), tensors.parse(raw[end:]))
