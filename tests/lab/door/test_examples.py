"""Files from elsewhere, each an example of what ended in a traceback, a hang or worse once: one line, status 2."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.torch import save

from lab.cli.main import main
from lab.door import archives, pickles
from lab.door.arrays import npz_header, npz_names, read_npz
from lab.errors import UserError

pytestmark = pytest.mark.timeout(30, func_only=True)
SMALL = ["steps=8", "log_every=2", "evaluate_every=4", "checkpoint_every=8", "snapshot_every=8", "snapshot_samples=9",
         "evaluation_samples=20", "batch_size=4", "generator.width=4", "discriminator.width=4", "clock={period: 4}",
         "device=cpu"]  # fmt: skip
DEEP = b"[" * 100_000 + b"]" * 100_000
NOT_SO_DEEP = b'{"a":' * 900 + b"1" + b"}" * 900


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run of eight steps, whose configuration asks for more, so that a resume reads all of it."""
    results = tmp_path_factory.mktemp("results")
    sets = [word for change in SMALL for word in ("--set", change)]
    assert main(["gan", "train", "ring", "--name", "g", "--results", str(results), "--quiet", *sets]) == 0
    config = results / "runs" / "g" / "config.yaml"
    config.write_text(config.read_text().replace("steps: 8\n", "steps: 12\n"))
    return results


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained / "runs" / "g", tmp_path / "runs" / "g"))


@pytest.fixture
def ends(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command, checks its status and that it said one line (warnings aside), and returns that line."""

    def end(*words: object, status: int = 2) -> str:
        capsys.readouterr()
        try:
            found = main([str(word) for word in words])
        except SystemExit as stop:
            found = int(stop.code or 0)
        said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("lab: warning: ")]
        assert (found, len(said)) == (status, status != 0), said
        assert all(line.startswith("lab: ") for line in said)
        return "".join(said)

    return end


def checkpoint(run: Path) -> Path:
    return run / "checkpoints" / "000000008"


def reseal(run: Path) -> None:
    """Make a checkpoint's sums right again, as somebody would who crafts one."""
    sums = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in checkpoint(run).iterdir()
        if path.name != "manifest.json"
    }
    (checkpoint(run) / "manifest.json").write_text(json.dumps({"format": 1, "sha256": sums}))


# -- YAML --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    ["!!timestamp x", "!!bool maybe", "!!int ''", "!!map [1]", "!!binary '***'", "!!timestamp 2001-99-99",
     '"\\U00110000"', '"\\UFFFFFFFF"', '"\\ud800"', "10" * 200, "[" * 900 + "]" * 900, "&a [*a]", "\x00"],
)  # fmt: skip
def test_yaml(tmp_path: Path, ends: Callable[..., str], value: str) -> None:
    (tmp_path / "x.yaml").write_text(f"steps: 10\nvoices: {{lr: 1}}\nclock: {value}\n", errors="surrogatepass")
    assert "x.yaml: " in ends("schedule", tmp_path / "x.yaml")


def test_a_key_with_a_newline_is_one_line(tmp_path: Path, ends: Callable[..., str]) -> None:
    (tmp_path / "x.yaml").write_text('clock: {period: 5}\nvoices: {"a\\nb": {"c\\nd": 1}}\n')
    assert r"voices.a\nb" in ends("schedule", tmp_path / "x.yaml")


@pytest.mark.parametrize(
    "change",
    ["data.modes=1000000000", "latent=1000000000", "generator.width=1000000000", "generator.depth=1000000000",
     f"steps={10**299}", f"seed={10**299}", "batch_size=1000000000", "clock={period: 1, stretch: 1.0000001}",
     "clock={period: 1, cycles: 1000000000000, stretch: 2}", "snapshot_samples=1000000000", "steps=.nan"],
)  # fmt: skip
def test_numbers_too_large_for_a_gan(tmp_path: Path, ends: Callable[..., str], change: str) -> None:
    said = ends("gan", "train", "ring", "--set", change, "--results", tmp_path)
    assert change.partition("=")[0] in said
    assert not list(tmp_path.glob("runs/*"))


@pytest.mark.parametrize(
    "change",
    ["n_envs=1000000000", "n_steps=1000000000", "hidden=[1000000000]", "evaluation.episodes=1000000000",
     "n_epochs=1000000000", f"max_episode_steps={10**299}", "axes={gravity: 1}"],
)  # fmt: skip
def test_numbers_too_large_for_an_agent(tmp_path: Path, ends: Callable[..., str], change: str) -> None:
    assert change.partition("=")[0].partition(".")[0] in ends(
        "rl", "train", "mountain-car", "--set", change, "--results", tmp_path
    )


STUDY = "hypothesis: none\ntrainer: gan\npreset: ring\nmetric: ema/good\ndirection: higher\narms: {a: {}}\n"


@pytest.mark.parametrize("seeds", ["1" + "0" * 30, "[0, 0]", "[-1]", "true", "[]", ".nan"])
def test_seeds_of_a_study(tmp_path: Path, ends: Callable[..., str], seeds: str) -> None:
    (tmp_path / "s.yaml").write_text(f"{STUDY}seeds: {seeds}\n")
    assert "seeds" in ends("study", tmp_path / "s.yaml", "--dry-run", "--results", tmp_path)


# -- JSON --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [DEEP, NOT_SO_DEEP, b"", b"null", b"\xff", b"[1]", b'{"trainer": 3}', b'"\\ud800"'])
def test_provenance(run: Path, ends: Callable[..., str], content: bytes) -> None:
    (run / "provenance.json").write_bytes(content)
    for words in (["resume", run, "--quiet"], ["plot", run], ["report", run]):
        assert "provenance.json: cannot be read" in ends(*words)


@pytest.mark.parametrize("threads", ["x", -3, 1e300, [1], 10**30, True])
def test_threads_of_a_provenance(run: Path, ends: Callable[..., str], threads: object) -> None:
    known = json.loads((run / "provenance.json").read_text())
    (run / "provenance.json").write_text(
        json.dumps({k: known[k] for k in known if k != "sha256"} | {"threads": threads})
    )
    assert "threads" in ends("resume", run, "--quiet")


@pytest.mark.parametrize(
    "line",
    [DEEP, NOT_SO_DEEP, b"null", b"word", b'"word"', b"{}", b'{"step": null}', b'{"step": "word"}', b'{"step": -1}',
     b'{"step": NaN}', b'{"step": 1' + b"0" * 300 + b"}", b'{"step": 1, "loss/generator": null}',
     b'{"step": 1, "loss/generator": "word"}', b'{"step": 1, "x": 1' + b"0" * 400 + b"}", b'{"step": 1, "x": 1e308}',
     b'{"step": 1, "x": -1e308}', b'{"step": 1, "x": [1]}', b'{"step": 1, "x\\u0000": 1}', b'{"step": 1, "\\ud800": 1}',
     b'{"step": 1, "' + b"x" * 300 + b'": 1}', b'{"step": 1, "x": ' + b"1" * 2_000_000 + b"}"],
    ids=lambda line: line[:30].decode(errors="replace"),
)  # fmt: skip
def test_rows_of_metrics(run: Path, ends: Callable[..., str], line: bytes) -> None:
    shutil.rmtree(run / "checkpoints")  # nothing knows the log's sum
    log = run / "metrics.jsonl"
    log.write_bytes(log.read_bytes() + line + b"\n")
    for words in (["plot", run], ["report", run]):
        assert "metrics.jsonl" in ends(*words)


def test_a_log_that_a_checkpoint_knows_otherwise(run: Path, ends: Callable[..., str]) -> None:
    log = run / "metrics.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"step": 2', b'"step": 3'))
    assert "metrics.jsonl: is not as it was written up to step 8" in ends("plot", run)


def alter_state(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = checkpoint(run) / "state.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    reseal(run)


OBJECTS = {"$": "array", "name": "sums", "dtype": "|O", "shape": [1], "scalar": False}


@pytest.mark.parametrize(
    "change",
    [{"step": -1}, {"step": 10**300}, {"step": float("nan")}, {"step": "word"}, {"step": None}, {"step": 9},
     {"state": None}, {"state": [1]}, {"state": {"meter": OBJECTS}}, {"state": {"meter": {"$": "word"}}},
     {"state": {"meter": {"$": "tensor", "name": "no"}}}],
    ids=str,
)  # fmt: skip
def test_a_crafted_state_is_passed_over_by_a_resume_and_refused_by_a_look(
    run: Path, ends: Callable[..., str], change: dict[str, Any]
) -> None:
    alter_state(run, lambda data: data.update(change))
    assert "no checkpoint is whole" in ends("gan", "sample", run, "--out", run / "x.npz")
    ends("resume", run, "--quiet", status=0)  # begins again, with a warning


@pytest.mark.parametrize("name", ["state.json", "about.json", "manifest.json"])
@pytest.mark.parametrize(
    "content", [DEEP, NOT_SO_DEEP, b"", b"[]", b"\xff"], ids=["deep", "900", "empty", "list", "ff"]
)
def test_json_of_a_checkpoint(run: Path, ends: Callable[..., str], name: str, content: bytes) -> None:
    (checkpoint(run) / name).write_bytes(content)
    if name != "manifest.json":
        reseal(run)
    assert "no checkpoint is whole" in ends("gan", "sample", run, "--out", run / "x.npz")


@pytest.mark.parametrize("sizes", ["word", {"metrics.jsonl": "word"}, {"metrics.jsonl": -1}, {"metrics.jsonl": 1e300}])
def test_sizes_of_logs(run: Path, ends: Callable[..., str], sizes: object) -> None:
    path = checkpoint(run) / "about.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"logs": sizes}))
    reseal(run)
    assert "about.json: " in ends("gan", "sample", run, "--out", run / "x.npz")


# -- tensors -----------------------------------------------------------------------------------------------------------


def test_safetensors_without_a_header(run: Path, ends: Callable[..., str]) -> None:
    (checkpoint(run) / "generator.safetensors").write_bytes(b"")
    reseal(run)
    assert "no safetensors file" in ends("gan", "sample", run, "--out", run / "x.npz")


def replace_tensor(run: Path, name: str, tensors: dict[str, torch.Tensor]) -> None:
    (checkpoint(run) / f"{name}.safetensors").write_bytes(save(tensors))
    reseal(run)


def test_tensors_of_another_shape(run: Path, ends: Callable[..., str]) -> None:
    for name in ("generator", "ema"):
        known = json.loads((checkpoint(run) / "state.json").read_text())["state"][name]
        replace_tensor(run, name, {each["name"]: torch.zeros(3) for each in known.values()})
    assert "does not fit its configuration" in ends("resume", run, "--quiet")
    assert "does not fit its configuration" in ends("gan", "sample", run, "--out", run / "x.npz")


@pytest.mark.parametrize(
    "state", [torch.zeros(8, dtype=torch.uint8), torch.zeros(5056, dtype=torch.uint8), torch.ones(3)]
)
def test_random_states_that_are_short_or_of_zeros(run: Path, ends: Callable[..., str], state: torch.Tensor) -> None:
    replace_tensor(run, "random", {name: state.clone() for name in ("noise", "draws", "order", "view")})
    assert ".random.noise is no" in ends("resume", run, "--quiet")


@pytest.mark.parametrize("value", [[], [1, 2], 3, None, {"0": []}, {"0": {"step": 1}}])
def test_an_optimiser_that_is_something_else(run: Path, ends: Callable[..., str], value: object) -> None:
    alter_state(run, lambda data: data["state"].update(optimizer_generator=value))
    assert "does not fit its configuration" in ends("resume", run, "--quiet")


@pytest.mark.parametrize(
    "words",
    [("study", "é" * 600), ("gan", "train", "x" * 600), ("gan", "train", "ring", "--name", "x" * 600),
     ("gan", "train", "folder", "--set", f"data.path={'x' * 600}"), ("resume", "x" * 600), ("report", "x" * 600)],
)  # fmt: skip
def test_names_longer_than_a_file_can_have(tmp_path: Path, ends: Callable[..., str], words: tuple[str, ...]) -> None:
    assert "File name too long" in (said := ends(*words, "--results", tmp_path)) or "nor a file" in said


# -- tables and arrays -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [b"", b"a,0,finished,,1\n", b"arm,seed,status,error,ema/good\na,0,fin\0ished,,1\n", b"\0" * 100, b"\xff\n",
     b"arm,seed,status,error,ema/good\na,0,mine,,1\n", b"arm,seed,status,error,ema/good\na,0,finished,,word\n",
     b"arm,seed,status,error,ema/good\na,x,finished,,1\n", b"arm,seed,status,error,ema/good\na,0,finished\n",
     b'arm,seed,status,error\n"a,0,finished,\n'],
)  # fmt: skip
def test_trials(tmp_path: Path, ends: Callable[..., str], content: bytes) -> None:
    (tmp_path / "s.yaml").write_text(f"{STUDY}seeds: 1\n")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "trials.csv").write_bytes(content)
    assert "trials.csv: " in ends("study", tmp_path / "s.yaml", "--jobs", 1, "--results", tmp_path)


def bomb(path: Path) -> None:
    """An archive whose directory says that its array unpacks to two gigabytes."""
    np.savez_compressed(path, samples=np.zeros(1000))
    data = bytearray(path.read_bytes())
    size = data.rindex(b"PK\x01\x02") + 24
    data[size : size + 4] = (1 << 31).to_bytes(4, "little")
    path.write_bytes(data)


def lying_bomb(path: Path) -> None:
    """An archive whose directory says that its array is small, and it is not."""
    np.savez_compressed(path, samples=np.zeros(1_000_000))
    data = bytearray(path.read_bytes())
    size = data.rindex(b"PK\x01\x02") + 24
    data[size : size + 4] = (200).to_bytes(4, "little")
    path.write_bytes(data)


HEADERS_WRONG = 2
"""Of the makers below, the first whose file is wrong from its header on."""


def test_arrays_that_are_none(tmp_path: Path) -> None:
    makers: list[Callable[[Path], object]] = [
        bomb,
        lying_bomb,
        lambda path: np.savez(path, samples=np.array([{"a": 1}], dtype=object)),
        lambda path: np.savez(path, samples=np.array(["word"])),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\x03\x04" + bytes(100)),
    ]
    for number, make in enumerate(makers):
        path = tmp_path / f"{number}.npz"
        make(path)
        for read in (read_npz, *([lambda path: npz_header(path, "samples")] if number >= HEADERS_WRONG else [])):
            with pytest.raises(UserError, match=r"npz: is no archive of plain arrays") as caught:
                read(path)
            assert "\n" not in str(caught.value)


def test_an_array_is_read_beside_others_that_are_none(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", good=np.arange(3), bad=np.array([{"a": 1}], dtype=object))
    assert npz_names(tmp_path / "a.npz") == ["good", "bad"]
    assert npz_header(tmp_path / "a.npz", "good") == ((3,), np.dtype(np.int64))
    assert read_npz(tmp_path / "a.npz", names=["good"])["good"].tolist() == [0, 1, 2]
    with pytest.raises(UserError, match="bad holds object, no plain numbers"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_snapshots_that_are_no_samples(run: Path, ends: Callable[..., str]) -> None:
    first, last = sorted((run / "snapshots").glob("samples-*"))
    np.savez(first, samples=np.array(3.0), ema=np.zeros((1, 1, 1, 1, 1)), landmarks=np.full((3, 7), np.nan))
    np.savez(last, samples=np.full((4, 2), np.inf), ema=np.zeros((0, 2)))
    ends("plot", run, status=0)
    np.savez(last, samples=np.zeros(5))
    ends("plot", run, status=0)
    np.savez(last, samples=np.array([{"a": 1}], dtype=object))
    ends("plot", run, status=0)  # the other figures are drawn
    assert "is no archive of plain arrays" in ends("plot", run, "--only", "samples")


# -- archives and pickles ----------------------------------------------------------------------------------------------


def tar(path: Path, entries: list[tuple[str, bytes | int, bytes]], content: bytes = b"word") -> None:
    """A gzipped tar archive of one content under these names, each with its type and, for a link, its target."""
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT) as file:
        for name, kind, target in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.size = kind, target.decode(), len(content)  # type: ignore[assignment]
            file.addfile(entry, io.BytesIO(content))


REGULAR = (tarfile.REGTYPE, b"")


@pytest.mark.parametrize(
    "entry",
    [("f/x", tarfile.SYMTYPE, b"/etc/passwd"), ("f/x", tarfile.LNKTYPE, b"/etc/passwd"), ("f/x", tarfile.CHRTYPE, b""),
     ("f/x", tarfile.FIFOTYPE, b""), ("f/x", tarfile.DIRTYPE, b""), ("/f/x", *REGULAR), ("../x", *REGULAR),
     ("f/../x", *REGULAR), ("./x", *REGULAR), ("g/x", *REGULAR), ("f/x/", *REGULAR), ("X", *REGULAR)],
    ids=lambda entry: f"{entry[0]}-{entry[1].decode()}",
)  # fmt: skip
def test_what_an_archive_holds_under_other_names_or_kinds_is_not_read(tmp_path: Path, entry: Any) -> None:
    tar(tmp_path / "a.tar.gz", [entry, ("f/y", *REGULAR)])
    with pytest.raises(UserError, match=r"a\.tar\.gz: cannot be read as an archive: it holds no regular file x"):
        list(archives.members(tmp_path / "a.tar.gz", "f", ["x", "y"], 100))
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def sparse_header(size: bytes, name: bytes = b"x") -> bytes:
    """A header of tar whose size is what it says."""
    fields = name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + size + b"0" * 12 + b" " * 8 + b"0"
    fields = fields.ljust(512, b"\0")
    return fields[:148] + b"%06o\0 " % sum(fields) + fields[156:]


def archive_of_two(path: Path) -> bytes:
    tar(path, [("x", *REGULAR), ("y", *REGULAR)])
    return path.read_bytes()


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda whole: b"", "no regular file x"),
        (lambda whole: b"word", "Not a gzipped file"),
        (lambda whole: whole[:-1], "ended before"),
        (lambda whole: whole[: len(whole) // 2], "ended before"),
        (lambda whole: whole[:-8] + b"\0" * 8, "CRC"),
        (lambda whole: packed(b"word" * 1000), "no tar archive"),
        (lambda whole: packed(sparse_header(b"00000000004\0") + b"wo"), "cut short"),
        (lambda whole: packed(sparse_header(b"77777777777\0")), "x has 8,589,934,591 bytes"),
        (lambda whole: packed(sparse_header(b"-0000000001\0")), "damaged"),
        (lambda whole: packed(sparse_header(b"\x80" + b"\xff" * 11)), "damaged"),
        (lambda whole: packed(sparse_header(b"00000000144\0", b"z")), "no regular file x"),
        (lambda whole: packed(gzip.decompress(whole)[:1024] * 2), "x stands in it twice"),
        (lambda whole: packed(sparse_header(b"00000000000\0", b"z") * 1001), "more than 1000 entries"),
    ],
)
def test_archives_that_are_none(tmp_path: Path, make: Callable[[bytes], bytes], complaint: str) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(make(archive_of_two(path)))
    with pytest.raises(UserError, match=rf"a\.tar\.gz: cannot be read as an archive: .*{complaint}") as caught:
        list(archives.members(path, "f", ["x"], 100))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [b"z", b"x"])
def test_an_archive_that_unpacks_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 1 << 20)
    size = 40 << 20
    content = sparse_header(b"%011o\0" % size, name) + bytes(size)
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(content, 1, mtime=0))
    tracemalloc.start()
    with pytest.raises(UserError, match=r"unpacks to more than 1,048,576 bytes"):
        list(archives.members(tmp_path / "a.tar.gz", "f", [name.decode()], size))
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


class Call:
    """What a pickle would call."""

    def __init__(self, called: Callable[..., object], *arguments: object) -> None:
        self.made = (called, arguments)

    def __reduce__(self) -> Any:
        return self.made


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("key", ["data", "another"])
def test_a_pickle_calls_nothing(tmp_path: Path, key: str, protocol: int) -> None:
    traps = [
        Call(os.mkdir, str(tmp_path / "trap")),
        Call(eval, f"__import__('os').mkdir({str(tmp_path / 'trap')!r})"),
        {"a": [Call(os.mkdir, str(tmp_path / "trap"))]},
    ]
    for trap in traps:
        with pytest.raises(ValueError, match="nothing is called|not accepted"):
            pickles.parse(pickle.dumps({"labels": [1], key: trap}, protocol), ["labels"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "exhausted"),
        (b"\x80\x02.", "do not fit together"),
        (b"\x80\x02N.", "NoneType where dict belongs"),
        (b"\x80\x02}}.", "it has no 'data'"),
        (b"\x80\x02}e.", "do not fit together"),
        (b"\x80\x02}h\x07.", "do not fit together"),
        (b"\x80\x02}(K\x01K\x01u.", "int where str belongs"),
        (b"\x80\x02}(U\x01au.", "zip"),
        (b"\x80\x02}U\x04data]q\x00h\x00as.", "a list of something other than integers"),
        (b"\x80\x02}U\x04data](K\x01\x88es.", "a list of something other than integers"),
        (b"\x80\x02}U\x04data](\x8a\xff" + b"\x7f" * 255 + b"es.", "a list of something other than integers"),
        (b"\x80\x02}U\x04data\x8e\xff\xff\xff\xff\xff\xff\xff\x7fword.", "bytes"),
        (b"\x80\x02}U\x04data" + b"]" * 200_001 + b".", "more than 200,000 opcodes"),
        (b"\x80\x02}U\x04data" + b"(" * 150_000 + b"t" * 150_000 + b"s.", "opcodes"),
        (b"\x80\x02}U\x04datacnumpy\ndtype\n)R)bs.", "neither an array of bytes"),
        (b"\x80\x02}U\x04datacnumpy\nfromfile\nU\x01x\x85Rs.", "it names 'numpy fromfile'"),
        (b"\x80\x02}U\x04datacos\nsystem\nU\x01x\x85Rs.", "it names 'os system'"),
        (b"\x80\x02}U\x04dataP1\ns.", "PERSID is not accepted"),
        (b"\x80\x02}U\x04datacnumpy\nndarray\nK\x01bs.", "_Name where _Shell belongs"),
        (bytes(pickles.MOST_BYTES + 1), "larger than"),
    ],
    ids=lambda value: str(value[:24]),
)
def test_pickles_that_are_no_table(data: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        pickles.parse(data, ["data"])
    assert "\n" not in str(caught.value)


TABLE = pickle.dumps({"data": np.arange(24, dtype=np.uint8).reshape(4, 6), "labels": [1, 2, 3, 4]}, 2)


def test_a_table_of_protocol_3_and_later_is_read() -> None:
    for protocol in (3, 4):
        table = pickle.loads(TABLE)
        data, labels = pickles.parse(pickle.dumps(table, protocol), ["data", "labels"])
        np.testing.assert_array_equal(data, table["data"])
        assert labels.tolist() == table["labels"]


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4), st.integers(0, 400))
@example([], 10)
def test_a_spoiled_table_is_read_or_refused(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(pickle.dumps(pickle.loads(TABLE), 4))
    for at, value in changes:
        data[at % len(data)] = value
    for spoiled in (bytes(data), bytes(data[:cut])):
        with contextlib.suppress(ValueError):
            for array in pickles.parse(spoiled, ["data", "labels"]):
                assert array.dtype in (np.uint8, np.int64)


# -- what is no file ---------------------------------------------------------------------------------------------------


def put(path: Path, what: str) -> None:
    path.unlink()
    if what == "fifo":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    else:
        path.symlink_to({"zero": "/dev/zero", "loop": path.name}[what])


@pytest.mark.parametrize("what", ["zero", "fifo", "folder", "loop"])
@pytest.mark.parametrize(
    "name", ["config.yaml", "provenance.json", "metrics.jsonl", "events.jsonl", "timing.jsonl", "lock"]
)
def test_what_is_no_file_in_a_run(run: Path, ends: Callable[..., str], name: str, what: str) -> None:
    put(run / name, what)
    said = ends("resume", run, "--quiet")
    assert name in said or "no run" in said
    if name == "metrics.jsonl":
        assert name in ends("plot", run)


@pytest.mark.parametrize("what", ["zero", "fifo", "folder", "loop"])
@pytest.mark.parametrize("name", ["state.json", "about.json", "manifest.json", "generator.safetensors"])
def test_what_is_no_file_in_a_checkpoint(run: Path, ends: Callable[..., str], name: str, what: str) -> None:
    put(checkpoint(run) / name, what)
    assert name in ends("gan", "sample", run, "--out", run / "x.npz")


@pytest.mark.parametrize("what", ["zero", "fifo"])
def test_what_is_no_file_elsewhere(tmp_path: Path, run: Path, ends: Callable[..., str], what: str) -> None:
    for name in ("x.yaml", "x.npz", "trials.csv", "s.yaml", "study.yaml", "summary.json"):
        (tmp_path / name).write_text(f"{STUDY}seeds: 1\n")
    for name in ("x.yaml", "x.npz"):
        put(tmp_path / name, what)
    with pytest.raises(UserError, match="no regular file"):
        read_npz(tmp_path / "x.npz")
    ends("schedule", tmp_path / "x.yaml")
    ends("gan", "train", tmp_path / "x.yaml", "--results", tmp_path)
    ends("study", tmp_path / "x.yaml", "--results", tmp_path)
    (tmp_path / "s").mkdir()
    shutil.move(tmp_path / "trials.csv", tmp_path / "s")
    put(tmp_path / "s" / "trials.csv", what)
    assert "trials.csv" in ends("study", tmp_path / "s.yaml", "--results", tmp_path)


def test_a_folder_in_the_place_of_what_a_study_writes(tmp_path: Path, ends: Callable[..., str]) -> None:
    (tmp_path / "s.yaml").write_text(f"{STUDY}seeds: 1\n")
    (tmp_path / "s" / "study.yaml").mkdir(parents=True)
    assert "study.yaml: cannot be written" in ends("study", tmp_path / "s.yaml", "--results", tmp_path)


# -- names and places --------------------------------------------------------------------------------------------------

NAMES = ("$\\frac{", "$\\frac{$", "$", "\\", "%s {x} <b>", "a$b$c", "é·日本", "x" * 150)
"""Of columns, runs and files: what mathtext, format strings, HTML or a font might choke on."""


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_names_in_every_figure_of_a_run(run: Path, ends: Callable[..., str], tmp_path: Path) -> None:
    shutil.rmtree(run / "checkpoints")
    row = {"step": 9} | {f"evaluation/{name}": 1e-9 for name in NAMES} | {f"voice/{name}": 1.0 for name in NAMES}
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n" + json.dumps(row | {"step": 10, "voice/$\\frac{$": 2.0}) + "\n")
    other = run.rename(run.with_name("$\\frac{$"))
    ends("report", other, status=0)
    page = (other / "report.html").read_text()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_names_in_schedules_and_studies(tmp_path: Path, ends: Callable[..., str]) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))
    from synthetic import gan_run, rl_run, write_study

    file = tmp_path / "$\\frac{$.yaml"
    file.write_text("clock: {period: 5}\nvoices: {'$\\frac{$.$^$': {wave: cosine, low: 0, high: 1e-9}, '$a^{$': 1}\n")
    ends("schedule", file, "--out", tmp_path / "x.png", status=0)
    study = write_study(tmp_path, {"a": 0.5, "b": 0.6}, seeds=2)
    text = (study / "summary.json").read_text().replace("ema/good", "$\\\\frac{$").replace('"a"', '"$a^{$"')
    (study / "summary.json").write_text(text)
    gan_run(tmp_path / "runs" / "ring" / "b-s0", until=200)
    ends("report", study, status=0)
    agent = rl_run(tmp_path / "$\\frac{$", steps=8192)
    log = (agent / "metrics.jsonl").read_text()
    (agent / "metrics.jsonl").write_text(log.replace("evaluation/success", "evaluation/$\\\\frac{$"))
    ends("plot", agent, status=0)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_hundreds_of_columns(run: Path, ends: Callable[..., str]) -> None:
    shutil.rmtree(run / "checkpoints")
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 9} | {f"evaluation/{number}": 1.0 for number in range(300)}) + "\n")
    ends("plot", run, status=0)
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 10} | {f"evaluation/{number}": 1.0 for number in range(3000)}) + "\n")
    assert "columns are not accepted" in ends("plot", run)


@pytest.mark.parametrize("name", ["\udcff", "a\nb", "a\0b", "/", "..", ".a", "", "x" * 300])
def test_names_that_no_run_can_have(tmp_path: Path, ends: Callable[..., str], name: str) -> None:
    words = [word for change in SMALL for word in ("--set", change)]
    ends("gan", "train", "ring", "--name", name, "--results", tmp_path, "--quiet", *words)


def test_a_run_whose_name_is_no_utf8(run: Path, ends: Callable[..., str]) -> None:
    other = run.rename(run.with_name("\udcff"))
    ends("resume", other, "--quiet", status=0)
    ends("gan", "sample", other, "--out", run.with_name("x.csv"), status=0)
    (other / "metrics.jsonl").write_text("")
    shutil.rmtree(other / "checkpoints")
    assert "\\udcff" in ends("plot", other)


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    lab = f"{sys.executable} -m lab.cli.main"
    return subprocess.run(
        ["bash", "-c", line.replace("lab ", f"{lab} ", 1)], capture_output=True, text=True, env=os.environ | environment
    )


@pytest.mark.timeout(120)
def test_streams_that_are_closed_or_narrow(tmp_path: Path) -> None:
    (tmp_path / "é.yaml").write_text("clock: {period: 5}\nvoices: {'é·日': {wave: cosine, low: 0, high: 1}}\n")
    drawn = shell(f"lab schedule {tmp_path}/é.yaml --width 60", PYTHONIOENCODING="ascii")
    assert (drawn.returncode, drawn.stderr) == (0, "")
    assert drawn.stdout.isascii()
    assert shell(f"lab schedule {tmp_path}/é.yaml --width 60 >&-").returncode == 0
    assert shell(f"lab schedule {tmp_path}/none.yaml 2>&- >&-").returncode == 2
    told = shell(f"lab schedule {tmp_path}/日.yaml", PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
    assert told.returncode == 2
    assert re.fullmatch(r"lab: [ -~]+\n", told.stderr)
