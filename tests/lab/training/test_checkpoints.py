"""Checkpoints hold any state exactly, are whole or not there, and know when they were altered."""

import errno
import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lab.errors import UserError
from lab.training import checkpoints
from lab.training.checkpoints import BrokenCheckpoint

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.uint8, torch.int64, torch.bool]
keys = st.text(max_size=6) | st.integers() | st.booleans() | st.none() | st.sampled_from(["$", "a.b", "__metadata__"])
tensors = st.builds(
    lambda shape, dtype, seed: (torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 3).to(dtype),
    st.lists(st.integers(0, 3), max_size=3).map(tuple),
    st.sampled_from(DTYPES),
    st.integers(0, 99),
)
arrays = hnp.arrays(
    hnp.scalar_dtypes() | hnp.unicode_string_dtypes(max_len=4), hnp.array_shapes(min_dims=0, min_side=0)
)
leaves = (
    st.none() | st.booleans() | st.integers() | st.integers(2**127, 2**128) | st.floats() | st.text() | tensors | arrays
)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=10,
)


def same(a: Any, b: Any) -> bool:
    """Equal in value, type and bits."""
    if isinstance(a, torch.Tensor):
        return (
            a.dtype == b.dtype and a.shape == b.shape and a.numpy(force=True).tobytes() == b.numpy().tobytes()
            if a.dtype != torch.bfloat16
            else same(a.view(torch.int16), b.view(torch.int16))
        )
    if isinstance(a, (np.ndarray, np.generic)):
        return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(map(same, a, b)) and all(map(same, a.values(), b.values()))
    return repr(a) == repr(b)


@settings(max_examples=60, deadline=None)
@given(tree=trees)
def test_any_state_comes_back_exactly(tmp_path_factory: pytest.TempPathFactory, tree: Any) -> None:
    directory = tmp_path_factory.mktemp("checkpoints")
    checkpoints.save(directory, 7, {"x": tree, "y": [tree]})
    step, state = checkpoints.load_newest(directory)
    assert step == 7
    assert same(state, {"x": tree, "y": [tree]})


def test_tied_strided_and_learnable_tensors(tmp_path: Path) -> None:
    weight = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))
    checkpoints.save(
        tmp_path,
        0,
        {"net": {"a": weight, "b": weight, "t": weight.T, "part": weight[:, 1], "z": weight[:1].expand(4, 3)}},
    )
    net = checkpoints.load_newest(tmp_path)[1]["net"]
    assert torch.equal(net["a"], weight)
    assert torch.equal(net["b"], weight)
    assert torch.equal(net["t"], weight.T)
    assert torch.equal(net["part"], weight[:, 1])
    assert torch.equal(net["z"], weight[:1].expand(4, 3))
    assert not net["a"].requires_grad


def test_an_optimiser_and_generators_come_back(tmp_path: Path) -> None:
    net = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(net.parameters(), lr=torch.tensor(1e-3))
    net(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    rng = np.random.default_rng(3)
    state = {
        "optimizer": optimizer.state_dict(),
        "rng": rng.bit_generator.state,
        "legacy": np.random.RandomState(1).get_state(),
    }
    checkpoints.save(tmp_path, 1, state)
    _, back = checkpoints.load_newest(tmp_path)
    assert same(back["optimizer"], state["optimizer"])
    other = np.random.default_rng()
    other.bit_generator.state = back["rng"]
    assert other.random() == rng.random()
    np.random.RandomState().set_state(back["legacy"])


def test_each_key_with_tensors_is_a_safetensors_file(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    net = torch.nn.Linear(2, 1)
    path = checkpoints.save(tmp_path, 12, {"generator": net.state_dict(), "step": 12})
    assert path == tmp_path / "000000012"
    assert sorted(file.name for file in path.iterdir()) == [
        "about.json",
        "generator.safetensors",
        "manifest.json",
        "state.json",
    ]
    assert torch.equal(load_file(path / "generator.safetensors")["weight"], net.weight)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"a": {"b": [object()]}}, "b.0, a builtins.object"),
        ({"a": {"b": np.array([None])}}, "b, an array of object"),
        ({"a": {"b": {1, 2}}}, "b, a builtins.set"),
        ({"a": {"z": torch.ones(2).to_sparse()}}, "z, a sparse_coo tensor"),
        ({"a/b": 1}, "'a/b' cannot name a file"),
        ({1: 1}, "1 cannot name a file"),
    ],
)
def test_what_cannot_be_held_is_refused_and_nothing_written(tmp_path: Path, state: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        checkpoints.save(tmp_path, 1, state)
    assert list(tmp_path.iterdir()) == []


def test_the_newest_few_are_kept(tmp_path: Path) -> None:
    for step in (5, 10, 100, 20, 1000):
        checkpoints.save(tmp_path, step, {"w": torch.ones(1)}, keep=3)
    assert list(checkpoints.paths(tmp_path)) == [20, 100, 1000]
    assert sorted(os.listdir(tmp_path)) == ["000000020", "000000100", "000001000"]


def test_saving_a_step_again_replaces_it_and_clears_leftovers(tmp_path: Path) -> None:
    (tmp_path / ".000000003.77.new").mkdir()
    checkpoints.save(tmp_path, 3, {"a": 1})
    checkpoints.save(tmp_path, 3, {"a": 2})
    assert checkpoints.load_newest(tmp_path) == (3, {"a": 2})
    assert os.listdir(tmp_path) == ["000000003"]


FILES = ["net.safetensors", "state.json", "about.json", "manifest.json"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "delete"])
def test_an_altered_checkpoint_is_passed_over_and_says_why(tmp_path: Path, name: str, damage: str) -> None:
    for step in (1, 2):
        checkpoints.save(tmp_path, step, {"net": torch.full((9,), float(step))})
    file = tmp_path / "000000002" / name
    content = bytearray(file.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    file.write_bytes({"flip": content, "cut": content[:-1], "empty": b""}.get(damage, b""))
    if damage == "delete":
        file.unlink()
    found = checkpoints.newest(tmp_path)
    assert found is not None
    assert found.step == 1
    assert list(found.rejected) == [tmp_path / "000000002"]
    assert found.rejected[tmp_path / "000000002"]


def test_a_checkpoint_under_the_name_of_another_step_is_broken(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, 1, {"a": 1}).rename(tmp_path / "000000009")
    with pytest.raises(BrokenCheckpoint, match="step 1"):
        checkpoints.load(tmp_path / "000000009")


@pytest.mark.parametrize("sums", [["state.json"], None, "state.json", 3])
def test_a_manifest_that_is_no_mapping_is_broken(tmp_path: Path, sums: object) -> None:
    path = checkpoints.save(tmp_path, 1, {"a": 1})
    (path / "manifest.json").write_text(json.dumps({"sha256": sums}))
    with pytest.raises(BrokenCheckpoint, match=r"manifest\.json cannot be read"):
        checkpoints.load(path)


def test_none_at_all_and_none_whole(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path) is None
    with pytest.raises(UserError, match="no checkpoint yet"):
        checkpoints.load_newest(tmp_path)
    (checkpoints.save(tmp_path, 1, {"a": 1}) / "state.json").unlink()
    with pytest.raises(UserError, match=r"no checkpoint is whole .*state\.json is missing"):
        checkpoints.load_newest(tmp_path)


def test_an_old_checkpoint_that_cannot_be_deleted_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody still reads it, as NFS then keeps a file of its own in it: it goes with a later one."""
    checkpoints.save(tmp_path, 1, {"step": 1}, keep=1)

    def refuse(path: object) -> None:
        raise OSError(errno.ENOTEMPTY, "Directory not empty", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", refuse)
        checkpoints.save(tmp_path, 2, {"step": 2}, keep=1)
        checkpoints.save(tmp_path, 3, {"step": 3}, keep=1)
    assert list(checkpoints.paths(tmp_path)) == [3]
    checkpoints.save(tmp_path, 4, {"step": 4}, keep=1)
    assert [path.name for path in tmp_path.iterdir()] == ["000000004"]


def test_a_file_system_that_cannot_wait_for_its_directories_is_used_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = os.fsync

    def fsync(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        waits(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    checkpoints.save(tmp_path, 1, {"step": 1})
    assert list(checkpoints.paths(tmp_path)) == [1]
