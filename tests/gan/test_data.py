from __future__ import annotations

import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan.data.folder import FolderData
from gan.data.ring import RingData
from gan.data.source import Shuffled, to_bytes, to_unit
from gan.data.spiral import SpiralData, SpiralScorer
from lab.door import pictures as decoding
from lab.errors import UserError
from lab.supervised import cifar, judge
from lab.supervised import images as folder
from lab.supervised.classifier import ClassifierConfig

CPU = torch.device("cpu")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_ring_is_sampled_evenly_with_its_spread() -> None:
    ring = RingData().mixture(CPU)
    samples = ring.sample(40_000, seeded())
    distance, nearest = torch.cdist(samples, ring.centers).min(dim=1)
    assert torch.bincount(nearest).tolist() == pytest.approx([5000] * 8, rel=0.06)
    assert float(distance.square().mean()) == pytest.approx(2 * 0.02**2, rel=0.03)


def test_the_spirals_own_samples_are_good_and_cover_it() -> None:
    spiral = SpiralData().spiral(CPU)
    scores = SpiralScorer(spiral)(spiral.sample(2500, seeded()))
    assert scores["good"] > 0.985
    assert scores["coverage"] == 1.0
    inner_half = SpiralScorer(spiral)(spiral.curve(0.5 * torch.rand(500, generator=seeded())))
    assert inner_half["good"] == 1.0
    assert inner_half["coverage"] == pytest.approx(0.26, abs=0.05)


def test_every_image_is_seen_once_an_epoch_and_batches_reach_over_its_end() -> None:
    images = torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1)
    source = Shuffled(images, CPU, seeded())
    seen = torch.cat([to_bytes(source.batch(4)).flatten() for _ in range(5)])
    assert sorted(seen[:10].tolist()) == sorted(seen[10:].tolist()) == list(range(10))
    assert seen[:10].tolist() != seen[10:].tolist()


def test_the_cursor_resumes_in_the_middle_of_an_epoch() -> None:
    images = torch.arange(100, dtype=torch.uint8).view(100, 1, 1, 1)
    random = seeded()
    source = Shuffled(images, CPU, random)
    source.batch(30)
    state, random_state = source.state_dict(), random.get_state()
    expected = [source.batch(50) for _ in range(3)]
    other_random = seeded(9)
    other = Shuffled(images, CPU, other_random)
    other.load_state_dict(state)
    other_random.set_state(random_state)
    for batch in expected:
        assert torch.equal(other.batch(50), batch)


def test_a_set_smaller_than_a_batch_is_repeated() -> None:
    source = Shuffled(torch.zeros(3, 1, 2, 2, dtype=torch.uint8), CPU, seeded())
    assert source.batch(8).shape == (8, 1, 2, 2)


def test_bytes_survive_the_way_to_floats_and_back() -> None:
    every = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_bytes(to_unit(every)), every)
    assert to_bytes(torch.tensor([-3.0, 3.0])).tolist() == [0, 255]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    (root / "deep").mkdir(parents=True)
    Image.new("RGB", (40, 20), (255, 0, 0)).save(root / "a-wide.jpg", quality=95)
    Image.new("RGBA", (9, 30), (0, 0, 255, 0)).save(root / "b-transparent.png")
    Image.new("P", (16, 16)).save(root / "deep" / "c-palette.gif")
    Image.fromarray(np.full((12, 12), 65535, np.uint16)).save(root / "d-sixteen-bit.png")
    Image.new("1", (8, 8), 1).save(root / "e-bits.png")
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(root / "f-cmyk.tif")
    (root / "g-broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    whole = (root / "a-wide.jpg").read_bytes()
    (root / "h-cut.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "notes.txt").write_text("not a picture")
    return root


def test_a_folder_of_mixed_images_is_read_and_broken_files_are_named(pictures: Path) -> None:
    found = folder.read(pictures, size=16, channels=3)
    assert found.images.shape == (6, 3, 16, 16)
    assert sorted(found.broken) == ["g-broken.png", "h-cut.jpg"]
    means = found.images.float().mean(dim=(2, 3)).round().tolist()
    assert means[0] == pytest.approx([254, 0, 0], abs=2)
    assert means[1] == [255, 255, 255]
    assert means[2] == [255, 255, 255]
    assert means[3] == [0, 0, 0]
    assert means[4] == [255, 255, 255]
    assert means[5] == pytest.approx([255, 0, 0], abs=40)
    assert folder.read(pictures, size=8, channels=1).images.shape == (6, 1, 8, 8)


def test_one_warning_of_one_line_names_the_broken_files(pictures: Path) -> None:
    data = FolderData(path=str(pictures), size=16)
    said: list[str] = []
    data.open(pictures, said.append)
    (line,) = said
    assert "2 of 8 images left out: g-broken.png (UnidentifiedImageError: cannot identify image file), h-cut" in line
    for number in range(9):
        (pictures / f"i-{number}.png").write_bytes(b"")
    data.open(pictures, said.append)
    assert said[1].endswith("and 6 more")
    assert "\n" not in "".join(said)


def test_a_dark_sixteen_bit_image_stays_dark(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 200, np.uint16)).save(tmp_path / "dark.png")
    with Image.open(tmp_path / "dark.png") as image:
        assert folder.to_array(image, 8, 1).max() <= 1


def test_a_folder_that_is_missing_or_empty_is_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        folder.read(tmp_path / "none", 16, 3)
    with pytest.raises(UserError, match="holds no readable image"):
        folder.read(tmp_path, 16, 3)
    Image.new("RGB", (8, 8)).save(tmp_path / "only.png")
    with pytest.raises(UserError, match=r"holds one readable image \(0 broken\); at least two"):
        folder.read(tmp_path, 16, 3)


def test_a_folder_trains_and_is_scored(pictures: Path, make, capsys) -> None:
    sets = (f"data={{name: folder, path: {pictures}, size: 16}}", "batch_size=8", "evaluation_samples=20")
    trainer = make("digits", *sets, "generator.width=4", "discriminator.width=4", "snapshot_samples=4")
    assert capsys.readouterr().err.count("images left out") == 1
    assert {kind for kind, _, _ in trainer.events} == {"warning"}
    trainer.advance(2)
    scores = trainer.evaluate()
    names = ("frechet", "frechet_pixels", "spread")
    assert scores.keys() == {f"evaluation/{place}{name}" for place in ("", "ema/") for name in names}


def test_a_run_goes_on_with_its_own_pictures_only(tmp_path: Path, make) -> None:
    sets = ("batch_size=8", "evaluation_samples=20", "generator.width=4", "discriminator.width=4", "snapshot_samples=4")
    trainers = []
    for place, shift in (("one", 0), ("copy", 0), ("others", 1)):
        (tmp_path / place).mkdir()
        for number in range(20):
            Image.new("L", (8, 8), number + shift).save(tmp_path / place / f"{number:02}.png")
        trainers.append(make("digits", f"data={{name: folder, path: {tmp_path / place}, size: 8, channels: 1}}", *sets))
    one, copy, others = trainers
    copy.load_state_dict(one.state_dict())
    with pytest.raises(UserError, match="data: the samples are not those that the run was trained on"):
        others.load_state_dict(one.state_dict())


def test_a_share_of_a_folder_is_held_out_to_see_overfitting(tmp_path: Path, make) -> None:
    for number in range(80):
        Image.new("L", (8, 8), number).save(tmp_path / f"{number:02}.png")
    network = ("generator.width=4", "discriminator.width=4", "snapshot_samples=4", "batch_size=8")
    words = f"name: folder, path: {tmp_path}, size: 8, channels: 1"
    trainer = make("digits", f"data={{{words}, held_out: 0.25}}", "evaluation_samples=20", *network)
    trained, held = ({int(each[0, 0, 0] * 127.5 + 128) for each in part[0]} for part in trainer._parts)
    assert held == {number for number in range(80) if number % 4 == 3}
    assert trained == set(range(80)) - held
    more = make("digits", f"data={{{words}, held_out: 0.4}}", "evaluation_samples=20", *network)
    assert len(more._parts[1][0]) == 32
    batch = trainer.data.batch(60)
    assert {int(each[0, 0, 0] * 127.5 + 128) for each in batch} == trained
    trainer.advance(1)
    assert {"overfitting/r_t", "overfitting/r_v"} <= trainer.evaluate().keys()
    pairs = make("digits", f"data={{{words}, held_out: 0.4}}", "evaluation_samples=21", "packing=2", *network)
    assert {"overfitting/r_t", "overfitting/r_v"} <= pairs.evaluate().keys()
    few = make("digits", f"data={{{words}, held_out: 0.1}}", *network)
    assert few._parts is None
    (warned,) = [data["message"] for kind, _, data in few.events if "held_out" in data.get("message", "")]
    assert "0.1 of 80 images are fewer than 20" in warned


def test_threads_read_a_folder_in_its_order_and_tell_what_is_broken(tmp_path: Path) -> None:
    for number in range(40):
        if number % 10 == 3:
            (tmp_path / f"{number:02}.png").write_bytes(b"no picture")
        else:
            side = 8 + 40 * ((number * 7) % 11)  # the large ones take longest, so that ends come out of order
            Image.new("L", (side, side), number).save(tmp_path / f"{number:02}.png")
    found = folder.read(tmp_path, 8, 1)
    assert found.images[:, 0, 0, 0].tolist() == [number for number in range(40) if number % 10 != 3]
    assert sorted(found.broken) == ["03.png", "13.png", "23.png", "33.png"]


def crafted_png(path: Path, side: int) -> None:
    """A small file whose header says that it is a picture of side × side pixels."""
    Image.new("L", (8, 8)).save(path)
    content = bytearray(path.read_bytes())
    content[16:24] = side.to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    path.write_bytes(content)


def test_warnings_of_decoders_are_silent_and_those_of_others_stay_as_they_were(tmp_path: Path) -> None:
    for number in range(50):
        crafted_png(tmp_path / f"{number}.png", side=9500)  # Pillow warns from 89 million pixels on
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        before = list(warnings.filters)
        assert decoding.read_all(sorted(tmp_path.iterdir()), lambda image: image.size) == [(9500, 9500)] * 50
        assert warnings.filters == before
    assert not heard


def test_a_picture_of_too_many_pixels_is_left_out_and_counted(tmp_path: Path) -> None:
    for number in range(2):
        Image.new("L", (8, 8)).save(tmp_path / f"a{number}.png")
    crafted_png(tmp_path / "b\nomb.png", side=60_000)
    said: list[str] = []
    FolderData(path=str(tmp_path), size=8, channels=1).open(tmp_path, said.append)
    (line,) = said
    assert "1 of 3 images left out: b\\nomb.png (DecompressionBombError" in line
    assert line.isprintable()


def test_cifar10_trains_and_is_scored(make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    folder = tmp_path / "cifar10" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for name in (*cifar.TRAIN, *cifar.TEST):
        rows = random.integers(0, 256, (16, 1 + cifar.PIXELS), np.uint8)
        rows[:, 0] %= cifar.CLASSES
        (folder / f"{name}.bin").write_bytes(rows.tobytes())
    monkeypatch.setitem(judge.CONFIGS, "cifar10", ClassifierConfig(width=2, epochs=1))
    sets = ("data={name: cifar10}", "batch_size=8", "evaluation_samples=20", "snapshot_samples=4")
    trainer = make("digits", *sets, "generator.width=4", "discriminator.width=4")
    trainer.advance(2)
    assert {f"evaluation/{score}" for score in ("frechet", "modes", "mode_entropy")} < trainer.evaluate().keys()
    assert trainer.data.batch(4).shape == (4, 3, 32, 32)
