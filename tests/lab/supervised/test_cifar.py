from __future__ import annotations

import pickle
import struct
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from lab.errors import UserError
from lab.supervised import cifar, datasets

NAMES = [*cifar.TRAIN, *cifar.TEST]


def example(seed: int, n: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (n, cifar.PIXELS), np.uint8), random.integers(0, 10, n, np.uint8)


def binary(rows: np.ndarray, labels: np.ndarray) -> bytes:
    return np.concatenate([labels[:, None], rows], axis=1).tobytes()


def old_pickle(rows: np.ndarray, labels: np.ndarray) -> bytes:
    """What Python 2 wrote of such a mapping, opcode by opcode, as in the published files."""

    def text(value: bytes) -> bytes:
        return (b"U" + bytes([len(value)]) if len(value) < 256 else b"T" + struct.pack("<i", len(value))) + value

    shape = b"".join(b"M" + struct.pack("<H", n) for n in rows.shape)
    kind = b"cnumpy\ndtype\nq\x0b(U\x02u1K\x00K\x01tq\x0cRq\x0d(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\nq\x07(cnumpy\nndarray\nq\x08K\x00\x85q\x09U\x01bq\x0atR(K\x01"
    array += shape + b"\x86" + kind + b"\x89" + text(rows.tobytes()) + b"tb"
    listed = b"]q\x05(" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    names = b"]q\x0e(" + b"".join(text(b"tabby_s_%06d.png" % number) for number in range(len(labels))) + b"e"
    return (
        b"\x80\x02}q\x01(" + text(b"data") + array + text(b"labels") + listed + text(b"batch_label")
        + text(b"training batch 1 of 5") + text(b"filenames") + names + b"u."
    )  # fmt: skip


def new_pickle(rows: np.ndarray, labels: np.ndarray) -> bytes:
    return pickle.dumps({b"data": rows, b"labels": labels.tolist(), b"batch_label": b"x"}, protocol=4)


FORMS = {"binary": (".bin", binary), "python": ("", old_pickle), "python-new": ("", new_pickle)}


def write(root: Path, form: str, packed: bool, folder: bool = True) -> None:
    """Six small files in one of the published forms."""
    suffix, encode = FORMS[form]
    place = {"": "cifar-10-batches-py", ".bin": "cifar-10-batches-bin"}[suffix]
    contents = {f"{name}{suffix}": encode(*example(seed)) for seed, name in enumerate(NAMES)}
    (root / "cifar10").mkdir()
    if packed:
        archive(
            root / "cifar10" / f"cifar-10-{form.split('-')[0]}.tar.gz",
            {(f"{place}/{name}" if folder else name): content for name, content in reversed(contents.items())},
        )
    else:
        (root / "cifar10" / place).mkdir()
        for name, content in contents.items():
            (root / "cifar10" / place / name).write_bytes(content)


def archive(path: Path, contents: dict[str, bytes], change: Callable[[tarfile.TarInfo], None] | None = None) -> None:
    with tarfile.open(path, "w:gz") as file:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mtime = 1234567890.5  # makes tarfile write an extended header before each
            if change:
                change(entry)
            file.addfile(entry, BytesIO(content))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("packed", "folder"), [(True, True), (True, False), (False, True)])
def test_every_published_form_holds_the_same_images(tmp_path: Path, form: str, packed: bool, folder: bool) -> None:
    write(tmp_path, form, packed, folder)
    for path in (tmp_path / "cifar10").rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = sorted(tmp_path.rglob("*"))
    data = datasets.load("cifar10", tmp_path)
    rows, labels = zip(*(example(seed) for seed in range(6)), strict=True)
    np.testing.assert_array_equal(data.inputs.flatten(1).numpy(), np.concatenate(rows[:5]))
    np.testing.assert_array_equal(data.labels.numpy(), np.concatenate(labels[:5]))
    np.testing.assert_array_equal(data.test_inputs.flatten(1).numpy(), rows[5])
    np.testing.assert_array_equal(data.test_labels.numpy(), labels[5])
    assert data.inputs.shape == (15, 3, 32, 32)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_old_pickle_of_these_tests_is_one() -> None:
    rows, labels = example(0)
    read = pickle.loads(old_pickle(rows, labels), encoding="bytes")
    np.testing.assert_array_equal(read[b"data"], rows)
    assert read[b"labels"] == labels.tolist()
    assert read[b"filenames"][2] == b"tabby_s_000002.png"


def test_an_image_is_three_planes_row_by_row() -> None:
    row = np.arange(cifar.PIXELS).astype(np.uint8)
    image = cifar.from_binary(b"\x07" + row.tobytes()).images[0]
    assert image[2, 3, 4] == (2 * 1024 + 3 * 32 + 4) % 256


def test_where_nothing_is_the_message_says_what_to_put_there(tmp_path: Path) -> None:
    wanted = r"cifar10: CIFAR-10 is not there .*put cifar-10-binary\.tar\.gz or cifar-10-python\.tar\.gz there"
    with pytest.raises(UserError, match=wanted) as caught:
        datasets.load("cifar10", tmp_path)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("form", "content", "complaint"),
    [
        ("binary", b"", r"0 bytes are no multiple of 3,073"),
        ("binary", b"\0" * 3072, r"3,072 bytes are no multiple"),
        ("binary", b"\x0a" + b"\0" * 3072, r"labels are from 10 to 10; 0 to 9 are expected"),
        ("python", old_pickle(*example(0))[:-1], "pickle exhausted before seeing STOP"),
        ("python", old_pickle(*example(0)) + b"x", "something follows its end"),
        ("python", old_pickle(example(0)[0], example(0, 2)[1]), "2 labels for 3 images"),
        ("python", old_pickle(example(0)[0], np.full(3, 77, np.uint8)), "labels are from 77 to 77"),
        ("python", old_pickle(np.zeros((2, 100), np.uint8), example(0, 2)[1]), r"uint8\[2, 100\]; uint8\[n, 3072\]"),
        ("python", pickle.dumps({b"data": b"x", b"labels": [1]}), "neither an array of bytes nor a list of integers"),
        ("python", pickle.dumps({b"data": np.zeros((1, 3072)), b"labels": [1]}, 4), "something other than bytes"),
        ("python", pickle.dumps({b"data": [1]}), "it has no 'labels'"),
    ],
)
def test_a_file_that_is_no_batch_is_named(tmp_path: Path, form: str, content: bytes, complaint: str) -> None:
    write(tmp_path, form, packed=False)
    suffix, _ = FORMS[form]
    (path,) = (tmp_path / "cifar10").rglob(f"data_batch_2{suffix}")
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"data_batch_2{suffix} is no batch of CIFAR-10: .*{complaint}") as caught:
        datasets.load("cifar10", tmp_path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    write(tmp_path, "binary", packed=False)
    (tmp_path / "cifar10" / "cifar-10-batches-bin" / "test_batch.bin").unlink()
    with pytest.raises(UserError, match=r"test_batch\.bin: cannot be read: No such file"):
        datasets.load("cifar10", tmp_path)
