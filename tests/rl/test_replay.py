"""Our replay buffer draws what SB3's draws, and a checkpoint can be gone back to though its files were written on."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import DictReplayBuffer, ReplayBuffer

from lab.errors import RunError, UserError
from rl.replay import BLOCK, Replay

BOX = spaces.Box(-1.0, 1.0, (3,), np.float32)
DICT = spaces.Dict({"state": BOX, "picture": spaces.Box(0, 255, (2, 4, 4), np.uint8)})
ACTIONS = {"box": spaces.Box(-1.0, 1.0, (2,), np.float32), "discrete": spaces.Discrete(4)}
ENVS = 2


def transition(number: int, observations: spaces.Space, actions: spaces.Space):
    """Transition ``number`` of each environment, told from its number."""
    random = np.random.default_rng(number)

    def observed():
        if isinstance(observations, spaces.Dict):
            return {
                name: random.integers(0, 9, (ENVS, *part.shape)).astype(part.dtype)
                for name, part in observations.items()
            }
        if isinstance(observations, spaces.Discrete):
            return random.integers(0, observations.n, ENVS)
        return random.random((ENVS, *observations.shape)).astype(np.float32)

    action = random.integers(0, 4, ENVS) if isinstance(actions, spaces.Discrete) else random.random((ENVS, 2))
    infos = [{"TimeLimit.truncated": bool(random.integers(2))} for _ in range(ENVS)]
    return observed(), observed(), action, random.random(ENVS), random.integers(0, 2, ENVS), infos


def fill(buffer, begin: int, stop: int):
    for number in range(begin, stop):
        buffer.add(*transition(number, buffer.observation_space, buffer.action_space))
    return buffer


def drawn(buffer, size: int = 64) -> list[torch.Tensor]:
    np.random.seed(7)
    found = []
    for part in buffer.sample(size):
        if part is not None:
            found += list(part.values()) if isinstance(part, dict) else [part]
    return found


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("observations", [BOX, DICT, spaces.Discrete(5)], ids=["box", "dict", "discrete"])
@pytest.mark.parametrize("count", [5, 40, 137])
def test_draws_are_sb3s_before_and_after_it_is_full(tmp_path: Path, count: int, observations, action) -> None:
    theirs = DictReplayBuffer if isinstance(observations, spaces.Dict) else ReplayBuffer
    spaces_ = (observations, ACTIONS[action])
    plain = fill(theirs(80, *spaces_, device="cpu", n_envs=ENVS), 0, count)
    ours = fill(Replay(80, *spaces_, device="cpu", n_envs=ENVS, place=tmp_path / "replay", slack=20), 0, count)
    assert (ours.pos, ours.full, ours.size()) == (plain.pos, plain.full, plain.size())
    for mine, other in zip(drawn(ours), drawn(plain), strict=True):
        assert mine.dtype == other.dtype
        assert torch.equal(mine, other)


def buffer(place: Path | None, size: int = 3000, slack: int = 2000) -> Replay:
    return Replay(size * ENVS, BOX, ACTIONS["box"], device="cpu", n_envs=ENVS, place=place, slack=slack)


@pytest.mark.parametrize("count", [0, 10, BLOCK, 2900, 5000, 9000])
def test_a_checkpoint_is_gone_back_to_after_its_files_were_written_on(tmp_path: Path, count: int) -> None:
    first = fill(buffer(tmp_path), 0, count)
    state = first.state_dict()
    expected = drawn(first) if count else []
    fill(first, count, count + 2000)
    second = buffer(tmp_path)
    second.load_state_dict(state)
    assert second.count == count
    assert all(map(torch.equal, drawn(second) if count else [], expected))
    straight = fill(buffer(None), 0, count + 700)
    fill(second, count, count + 700)
    assert all(map(torch.equal, drawn(second), drawn(straight)))
    assert np.array_equal(second.state_dict()["sums"], straight.state_dict()["sums"])


def test_sums_that_are_kept_are_those_of_the_bytes(tmp_path: Path) -> None:
    kept = buffer(tmp_path / "kept")
    for count in range(0, 7000, 700):
        fill(kept, count, count + 700)
        again = fill(buffer(None), 0, count + 700)
        assert np.array_equal(kept.state_dict()["sums"], again.state_dict()["sums"])


def test_transitions_that_were_changed_or_overwritten_are_told(tmp_path: Path) -> None:
    state = fill(buffer(tmp_path), 0, 2000).state_dict()
    rewards = np.load(tmp_path / "rewards.npy", mmap_mode="r+")
    rewards[1500, 1] += 1
    rewards.flush()
    with pytest.raises(UserError, match=r"transitions 1024 to 1999 are not what the checkpoint was made with"):
        buffer(tmp_path).load_state_dict(state)
    late = fill(buffer(tmp_path / "late"), 0, 4000)
    state = late.state_dict()
    fill(late, 4000, 4000 + 5000)  # more than the slack
    with pytest.raises(UserError, match="are not what the checkpoint was made with"):
        buffer(tmp_path / "late").load_state_dict(state)


def test_more_than_the_disk_holds_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"agent.buffer_size: 100000000000000 transitions, and those .* need .* GB"):
        buffer(tmp_path / "replay", size=10**14 // ENVS)
    assert not (tmp_path / "replay").exists()


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system cannot reserve room in a file")
def test_a_block_has_its_room_on_the_disk_before_it_is_written(tmp_path: Path) -> None:
    buffer = fill(Replay(100_000, BOX, ACTIONS["box"], place=tmp_path, n_envs=ENVS), 0, 1)
    taken = (tmp_path / "observations.npy").stat().st_blocks * 512
    assert BLOCK * ENVS * 3 * 4 <= taken < buffer.rows * ENVS * 3 * 4


def test_a_disk_that_fills_up_ends_the_run_with_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = fill(Replay(100_000, BOX, ACTIONS["box"], place=tmp_path, n_envs=ENVS), 0, BLOCK)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(RunError, match=f"{tmp_path}: the disk is full; free some, then lab resume"):
        fill(buffer, BLOCK, BLOCK + 1)
