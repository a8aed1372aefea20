"""``--engine ray``: each trial a task of Ray, on this machine or on the cluster at an address."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from lab.door.text import one_line
from lab.errors import RunError, UserError
from lab.studies.deals import alone
from lab.studies.model import Study
from lab.studies.on_ray.attempt import Place
from lab.studies.on_ray.keeper import LOOPBACK, QUIET, kept
from lab.studies.on_ray.pool import RayPool, Request
from lab.studies.pool import Job, cores
from lab.studies.preload import preload
from lab.studies.trials import Trial

AT_ONCE = {"RAY_py_gcs_connect_timeout_s": "5", "RAY_NUM_REDIS_GET_RETRIES": "1"}
"""Ray would try for ten minutes to speak with a cluster that does not answer it."""
REACH = 3.0
"""Seconds in which something has to answer at an address."""
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""How a client of gRPC begins (RFC 9113, section 3.4): the preface, and a frame of settings that has none."""
SETTINGS = 4
"""The type of the frame with which a server of gRPC answers."""


@dataclass(frozen=True)
class RayEngine:
    """Each trial a task of Ray, whose process is like the local engine's.

    Attributes:
        address: ``HOST:PORT`` of a cluster that this machine belongs to; None for a Ray of this machine and this study.
        trial_cpus, trial_gpus: what a trial asks Ray for. It has one thread however many CPUs it asks for, and sees no
            GPU unless it asks for one or a part of one.
    """

    address: str | None = None
    trial_cpus: float = 1.0
    trial_gpus: float = 0.0
    name = "ray"

    def check(self, study: Study) -> None:
        """Refuse where Ray is not installed, nobody answers at the address, or a trial asks for what makes no sense."""
        if find_spec("ray") is None:
            raise UserError("--engine ray needs the package ray: pip install 'phase-lab[ray]'")
        if not self.trial_cpus > 0:
            raise UserError(f"--trial-cpus is {self.trial_cpus:g}; more than 0 is needed")
        if not self.trial_gpus >= 0:
            raise UserError(f"--trial-gpus is {self.trial_gpus:g}; at least 0 is needed")
        for option, number in (("--trial-cpus", self.trial_cpus), ("--trial-gpus", self.trial_gpus)):
            if number > 1 and number % 1:  # Ray shares one of them among several, not several
                raise UserError(f"{option} is {number:g}; accepted: a part of one, or a whole number")
        if self.address is not None:
            _check_reachable(self.address)
            self._room(self.address)
        elif self.trial_gpus > devices():
            raise UserError(f"--trial-gpus is {self.trial_gpus:g}; this machine has {devices()} GPUs")

    def at_once(self, jobs: int | None) -> int:
        """As many as were asked for; else as the cores, or the cluster's CPUs and GPUs, have room for."""
        if jobs is not None:
            return jobs
        if self.address is None:
            return max(1, room({"CPU": cores(), "GPU": devices()}, self.trial_cpus, self.trial_gpus))
        return self._room(self.address)

    def _room(self, address: str) -> int:
        """How many trials the cluster has room for at once.

        Raises:
            UserError: for none.
        """
        with self._connected(address):
            import ray

            there = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        found = sum(room(each, self.trial_cpus, self.trial_gpus) for each in there)
        if not found:
            most = " and ".join(f"{max((n.get(k, 0) for n in there), default=0):g} {k}s" for k in ("CPU", "GPU"))
            raise UserError(
                f"--address {address}: no machine of the cluster has more than {most}; "
                f"a trial asks for {self.trial_cpus:g} and {self.trial_gpus:g}"
            )
        return found

    def deal(self, study: Study, trials: Sequence[Trial], jobs: int, data_dir: str | Path | None) -> list[Job]:
        """A task for each trial."""
        return alone(study, trials, data_dir)

    @contextmanager
    def workers(self, study: Study, folder: Path, jobs: int) -> Iterator[RayPool]:
        """Tasks at the address, or of a Ray that is started for this study and ends with it.

        Raises:
            RunError: Ray does not start, or refuses this process.
        """
        place, request = Place(folder.absolute()), Request(self.trial_cpus, self.trial_gpus)
        with (
            self._somewhere(jobs) as address,
            self._connected(address) as gone,
            place.marked(),
            RayPool(jobs, place, request, preload(study.trainer), gone) as pool,
        ):
            yield pool

    @contextmanager
    def _somewhere(self, jobs: int) -> Iterator[str]:
        """The address of a Ray."""
        if self.address is not None:
            yield self.address
            return
        with kept(jobs * self.trial_cpus, min(jobs * self.trial_gpus, devices())) as found:
            yield found

    @contextmanager
    def _connected(self, address: str) -> Iterator[Callable[[], bool]]:
        """Yields what tells whether Ray on this machine has ended: a connection to its raylet, which ends with it."""
        here = address.startswith(("127.", "localhost:", "[::1]:"))
        os.environ.update(QUIET | (LOOPBACK if here else {}) | ({} if self.address is None else AT_ONCE))
        import ray

        try:
            context = ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise RunError(f"--engine ray: {address} refuses: {one_line(str(error), 300)}") from None
        with socket.socket(socket.AF_UNIX) as lifeline:
            try:
                lifeline.connect(context.address_info["raylet_socket_name"])
                yield lambda: bool(select.select([lifeline], [], [], 0)[0])
            finally:
                ray.shutdown()


def devices() -> int:
    """GPUs of this machine that torch can use."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def room(machine: Mapping[str, float], cpus: float, gpus: float) -> int:
    """How many trials a machine has room for at once, each with so many CPUs and GPUs of it.

    >>> room({"CPU": 8.0, "GPU": 1.0}, 2.0, 0.5), room({"CPU": 1.0}, 2.0, 0.0)
    (2, 0)
    """
    each = [machine.get("CPU", 0.0) / cpus, *([machine.get("GPU", 0.0) / gpus] if gpus else [])]
    return int(min(each) + 1e-9)


def _check_reachable(address: str) -> None:
    """Refuse an address at which nobody speaks gRPC.

    Raises:
        UserError: names the address and why.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise UserError(f"--address {one_line(address)}: is no address; accepted: HOST:PORT, e.g. 10.0.0.1:6379")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), REACH) as connection:
            connection.settimeout(REACH)
            connection.sendall(GREETING)
            answer = connection.recv(9)
    except OSError as error:
        raise UserError(f"--address {address}: cannot be reached: {error.strerror or error}") from None
    if len(answer) < 4 or answer[3] != SETTINGS:
        raise UserError(f"--address {address}: something else than Ray answers there")
