"""A replay buffer that lies in files of the run, so that a checkpoint need not copy it.

Transition number k (of each environment) is row ``k mod rows`` of every file, and those drawn from are the newest
``buffer_size``. There are more rows than that by ``slack``: whoever goes back to a checkpoint of at most so many steps
ago finds all transitions of that moment still there. What a checkpoint holds is the number of transitions and a SHA-256
sum of every block of rows, of which only those that changed since are computed anew.

Draws are those of SB3's own buffers: the same global generator gives the same transitions in the same order.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.buffers import BaseBuffer, ReplayBuffer
from stable_baselines3.common.type_aliases import DictReplayBufferSamples, ReplayBufferSamples

from lab.door.mapped import flush, mapped, reserve
from lab.errors import UserError
from lab.training.files import room_for
from rl.observations import each

BLOCK = 1024
"""Rows whose bytes have one sum."""
Arrays = dict[str, NDArray[Any]]


class Replay(ReplayBuffer):
    """SB3's ``ReplayBuffer`` and ``DictReplayBuffer`` in one, in files.

    Args:
        buffer_size: transitions of all environments together that are remembered.
        observation_space, action_space, device, n_envs: as SB3 passes them.
        optimize_memory_usage: is not done.
        place: a directory for the files, made when the first transition comes; None keeps the arrays in memory.
        slack: steps that may be taken after a checkpoint which somebody goes back to.

    Raises:
        UserError: the disk has not the room.
    """

    def __init__(
        self,
        buffer_size: int,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        device: torch.device | str = "auto",
        n_envs: int = 1,
        optimize_memory_usage: bool = False,
        place: Path | None = None,
        slack: int = 0,
    ) -> None:
        BaseBuffer.__init__(self, buffer_size, observation_space, action_space, device, n_envs)
        self.buffer_size = max(buffer_size // n_envs, 1)
        self.optimize_memory_usage = False
        self.rows = (-(-(self.buffer_size + slack) // BLOCK) + 1) * BLOCK
        self.count = 0
        self._place = place
        self._arrays: Arrays = {}
        self._sums: dict[int, bytes] = {}
        """Of blocks that are whole, by their number."""
        self._refuse_too_much()

    # -- SB3's interface -----------------------------------------------------------------------------------------------

    def add(self, obs: Any, next_obs: Any, action: Any, reward: Any, done: Any, infos: Any) -> None:
        """Write one transition of each environment over the oldest."""
        arrays, row = self._opened(), self.count % self.rows
        if row % BLOCK == 0:
            self._reserve(row)
        for name, part in (*_named("observations", obs), *_named("next_observations", next_obs)):
            arrays[name][row] = _fitting(part, arrays[name].ndim - 1)
        arrays["actions"][row] = np.reshape(action, (self.n_envs, self.action_dim))
        arrays["rewards"][row] = reward
        arrays["dones"][row] = done
        arrays["timeouts"][row] = [info.get("TimeLimit.truncated", False) for info in infos]
        self.count += 1
        self.pos, self.full = self.count % self.buffer_size, self.count >= self.buffer_size

    def sample(self, batch_size: int, env: Any = None) -> ReplayBufferSamples | DictReplayBufferSamples:  # type: ignore[override]
        """Transitions drawn uniformly, with replacement, as tensors on the device.

        Args:
            batch_size: how many.
            env: standardises observations and rewards by its present moments, if given (``VecNormalize``'s methods).
        """
        places = np.random.randint(0, self.buffer_size if self.full else self.pos, size=batch_size)
        envs = np.random.randint(0, high=self.n_envs, size=batch_size)
        # SB3's place i holds the newest transition whose number is i modulo the size.
        numbers = places + self.buffer_size * ((self.count - 1 - places) // self.buffer_size)
        at = (numbers % self.rows) * self.n_envs + envs
        arrays = self._opened()

        def drawn(name: str) -> NDArray[Any]:
            flat = arrays[name].reshape(self.rows * self.n_envs, *arrays[name].shape[2:])
            return flat.take(at, axis=0)

        def observed(which: str) -> Any:
            names = [name for name in arrays if name.partition(".")[0] == which]
            found = {name.partition(".")[2]: drawn(name) for name in names}
            return self._normalize_obs(found.get("", found), env)

        rewards = self._normalize_reward(drawn("rewards")[:, None], env)
        ended = (drawn("dones") * (1 - drawn("timeouts")))[:, None]
        parts = (observed("observations"), drawn("actions"), observed("next_observations"), ended, rewards)
        kind = DictReplayBufferSamples if isinstance(self.observation_space, spaces.Dict) else ReplayBufferSamples
        return kind(*(each(self.to_torch, part) for part in parts))

    def to_torch(self, array: NDArray[Any], copy: bool = True) -> torch.Tensor:
        """What was drawn is a copy already."""
        return torch.from_numpy(array).to(self.device)

    def reset(self) -> None:
        """Forget everything."""
        self.pos, self.full, self.count = 0, False, 0
        self._sums = {}

    # -- state ---------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """How many transitions there were, and the sums of the blocks that hold those which are remembered."""
        sums = {block: self._sums.get(block) or self._sum(block) for block in self._blocks()}
        self._sums = {block: found for block, found in sums.items() if (block + 1) * BLOCK <= self.count}
        for array in self._arrays.values():
            flush(array)
        rows = np.frombuffer(b"".join(sums.values()), dtype=np.uint8).reshape(len(sums), 32)
        return {"count": self.count, "rows": self.rows, "sums": rows.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the transitions that were remembered when ``state_dict`` was called.

        Raises:
            UserError: they are no longer all there as they were.
        """
        if not self._arrays:
            self.rows = int(state["rows"])  # as the files have it, whatever the configuration would ask for now
        self.count = int(state["count"])
        self.pos, self.full = self.count % self.buffer_size, self.count >= self.buffer_size
        blocks, sums = self._blocks(), np.asarray(state["sums"], dtype=np.uint8).reshape(-1, 32)
        if len(sums) != len(blocks):
            raise UserError(
                f"{self._place}: {len(sums)} sums for {len(blocks)} blocks; the checkpoint is of another run"
            )
        self._sums = {}
        for block, wanted in zip(blocks, sums, strict=True):
            if self._sum(block) != wanted.tobytes():
                rows = f"transitions {block * BLOCK} to {min((block + 1) * BLOCK, self.count) - 1}"
                raise UserError(
                    f"{self._place}: {rows} are not what the checkpoint was made with; the run cannot go on"
                )

    def _blocks(self) -> range:
        """Numbers of the blocks that hold what is remembered."""
        first = max(self.count - self.buffer_size, 0)
        return range(first // BLOCK, -(-self.count // BLOCK))

    def _sum(self, block: int) -> bytes:
        first = block * BLOCK
        rows = slice(first % self.rows, first % self.rows + min(self.count - first, BLOCK))
        digest = hashlib.sha256()
        for name, array in sorted(self._opened().items()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(array[rows]).data)
        return digest.digest()

    # -- files ---------------------------------------------------------------------------------------------------------

    def _opened(self) -> Arrays:
        """The arrays [rows, n_envs, …] by name; files that are there already are gone on with."""
        if not self._arrays:
            self._arrays = {name: self._array(name, shape, kind) for name, shape, kind in self._shapes()}
        return self._arrays

    def _reserve(self, row: int) -> None:
        """Room on the disk for the block of rows that begins here."""
        with room_for(f"{self._place}", "free some, then lab resume"):
            for array in self._arrays.values():
                reserve(array, row, row + BLOCK)

    def _array(self, name: str, shape: tuple[int, ...], kind: Any) -> NDArray[Any]:
        if self._place is None:
            return np.zeros(shape, kind)
        self._place.mkdir(parents=True, exist_ok=True)
        return mapped(self._place / f"{quote(name, safe='')}.npy", shape, kind)  # a part may be called robot/place

    def _shapes(self) -> Iterator[tuple[str, tuple[int, ...], Any]]:
        """Name, shape and type of every array."""
        outer = (self.rows, self.n_envs)
        inner: Any = self.obs_shape
        for which in ("observations", "next_observations"):
            if isinstance(self.observation_space, spaces.Dict):
                for name, part in self.observation_space.items():
                    yield f"{which}.{name}", (*outer, *inner[name]), part.dtype
            else:
                yield which, (*outer, *inner), self.observation_space.dtype
        yield "actions", (*outer, self.action_dim), self._maybe_cast_dtype(self.action_space.dtype)
        for name in ("rewards", "dones", "timeouts"):
            yield name, outer, np.float32

    def _refuse_too_much(self) -> None:
        if self._place is None:
            return
        needed = sum(int(np.prod(shape)) * np.dtype(kind).itemsize for _, shape, kind in self._shapes())
        there = next(folder for folder in (self._place, *self._place.parents) if folder.is_dir())
        free = shutil.disk_usage(there).free
        if needed > free and not self._place.is_dir():
            raise UserError(
                f"agent.buffer_size: {self.buffer_size * self.n_envs} transitions, and those between checkpoints, need "
                f"{needed / 1e9:.1f} GB, and the disk has {free / 1e9:.1f}; fewer, or a smaller checkpoint_every, are"
                " accepted"
            )


def _named(which: str, observations: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(observations, Mapping):
        yield from ((f"{which}.{name}", part) for name, part in observations.items())
    else:
        yield which, observations


def _fitting(observations: Any, axes: int) -> NDArray[Any]:
    """Observations of a Discrete space have an axis more in the buffer, as with SB3; others have to fit."""
    found = np.asarray(observations)
    return found[:, None] if found.ndim < axes else found
