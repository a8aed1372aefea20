"""Image scores by a judge's features: with labels, and in a folder where nobody gave any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from gan.data.digits import DigitsData
from gan.data.folder import FolderData
from gan.data.part import Scorer
from gan.data.source import to_unit
from lab.supervised import datasets, rotations
from lab.supervised.classifier import ClassifierConfig
from lab.supervised.judge import CONFIGS

CPU = torch.device("cpu")
PAIRWISE = {"kernel", "precision", "recall", "density", "coverage"}


def folder_of(images: Tensor, place: Path) -> str:
    place.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image[0].numpy()).save(place / f"{number:05d}.png")
    return str(place)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory in which judges are trained once, and more briefly than for users."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rotations, "PRESENTATIONS", 20_000)
        patch.setitem(CONFIGS, "digits", ClassifierConfig(epochs=6))
        yield tmp_path_factory.mktemp("digits")


def blurred(images: Tensor) -> Tensor:
    """Slightly: an eighth of each pixel goes to each of its neighbours in a row, then in a column."""
    line = torch.tensor([0.125, 0.75, 0.125])
    return functional.conv2d(functional.pad(images, (1, 1, 1, 1), mode="replicate"), (line[:, None] * line)[None, None])


def noise(like: Tensor) -> Tensor:
    return 2 * torch.rand(like.shape, generator=torch.Generator().manual_seed(0)) - 1


def assert_ranks(score: Scorer, held_out: Tensor, labels: Tensor) -> None:
    """Real images never seen < the same, slightly blurred < noise; and the absence of half the classes is seen."""
    real, half, soft, rough = (
        score(images) for images in (held_out, held_out[labels < 5], blurred(held_out), noise(held_out))
    )
    assert 1.5 * real["frechet"] < half["frechet"]
    assert 4 * real["frechet"] < soft["frechet"]
    assert 1.5 * soft["frechet"] < rough["frechet"]
    assert half["coverage"] < 0.8 * real["coverage"]
    assert real["precision"] > 0.85
    assert rough["precision"] < 0.1
    assert real["kernel"] < soft["kernel"] < rough["kernel"]


def test_a_folders_score_ranks_without_labels(root: Path) -> None:
    digits = datasets.load("digits", root)
    data = FolderData(path=folder_of(digits.inputs, root / "images"), size=8, channels=1).thorough()
    said: list[str] = []
    score = data.open(root, said.append).scorer(CPU)
    assert_ranks(score, to_unit(digits.test_inputs), digits.test_labels)
    assert said == []


@pytest.mark.slow
def test_a_folder_of_mnist_ranks_without_labels(
    real_data: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    if not pytestconfig.getoption("--exhaustive"):
        pytest.skip("a quarter of a minute; the digits as a folder show the same: pass --exhaustive")
    monkeypatch.setattr(rotations, "PRESENTATIONS", 20_000)
    mnist = datasets.load("mnist", real_data)
    path = folder_of(mnist.inputs[:1500], real_data / "images")
    score = FolderData(path=path, size=28, channels=1).thorough().open(real_data, print).scorer(CPU)
    assert_ranks(score, to_unit(mnist.test_inputs[:1000]), mnist.test_labels[:1000])


def test_the_network_of_a_folder_is_trained_once_for_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rotations, "PRESENTATIONS", 100)
    images = datasets.load("digits", tmp_path).inputs[:40]
    first = rotations.rotation_judge(images, tmp_path, CPU)
    assert "training a network to describe the folder's images" in capsys.readouterr().err
    again = rotations.rotation_judge(images.clone(), tmp_path, CPU)
    assert capsys.readouterr().err == ""
    assert torch.equal(first.real, again.real)
    rotations.rotation_judge(images.flip(0), tmp_path, CPU)
    assert len(list((tmp_path / "judges").glob("rotations-*.safetensors"))) == 2


def test_images_are_learned_in_all_orientations_and_held_out_whole() -> None:
    images = torch.arange(12, dtype=torch.uint8).view(12, 1, 1, 1).repeat(1, 1, 4, 4)
    images[:, :, 0] = 200  # the top edge
    data = rotations.turned(images)
    assert torch.bincount(data.labels).tolist() == [10] * 4
    assert torch.bincount(data.test_labels).tolist() == [2] * 4
    assert set(data.test_inputs[:, 0, 1, 1].tolist()).isdisjoint(data.inputs[:, 0, 1, 1].tolist())
    edges = {0: (0, slice(None)), 1: (slice(None), 0), 2: (3, slice(None)), 3: (slice(None), 3)}
    for image, turn in zip(data.inputs[:, 0], data.labels.tolist(), strict=True):
        assert (image[edges[turn]] == 200).all()


def test_large_images_are_averaged_down_and_large_sets_thinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rotations.reduced(torch.full((2, 3, 130, 130), 77, dtype=torch.uint8)).shape == (2, 3, 64, 64)
    assert rotations.reduced(torch.full((2, 3, 130, 130), 77, dtype=torch.uint8)).unique().tolist() == [77]
    monkeypatch.setattr(rotations, "PRESENTATIONS", 100)
    monkeypatch.setattr(rotations, "MOST_IMAGES", 10)
    judge = rotations.rotation_judge(datasets.load("digits", tmp_path).inputs[:95], tmp_path, CPU)
    assert len(judge.real) == 10


def test_a_folder_without_an_upright_side_is_said_to_score_poorly(tmp_path: Path) -> None:
    images = torch.randint(0, 256, (40, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    data = FolderData(path=folder_of(images, tmp_path / "images"), size=8, channels=1)
    said: list[str] = []
    scores = data.open(tmp_path, said.append).scorer(CPU)(to_unit(images))
    assert scores.keys() == {"frechet", "frechet_pixels", "spread"}
    assert scores["spread"] == pytest.approx(1)
    alike = data.open(tmp_path, lambda line: None).scorer(CPU)(to_unit(images[:1].repeat(9, 1, 1, 1)))
    assert alike["spread"] == 0
    (line,) = said
    assert line.startswith("frechet says little of this folder: its features tell which way is up in ")
    assert "\n" not in line


def test_labelled_scores_see_blur_and_missing_classes(root: Path) -> None:
    digits = datasets.load("digits", root)
    score = DigitsData().thorough().open(root, print).scorer(CPU)
    assert_ranks(score, to_unit(digits.test_inputs), digits.test_labels)


def test_training_computes_pairwise_scores_only_where_asked(make, root: Path) -> None:
    sets = ("evaluation_samples=20", "batch_size=8", "generator.width=4", "discriminator.width=4")
    cheap = make("digits", *sets, data_dir=root).evaluate()
    every = make("digits", *sets, "data.pairwise_scores=true", data_dir=root).evaluate()
    assert {name.rpartition("evaluation/")[2] for name in every.keys() - cheap.keys() if "/ema/" not in name} == {
        *PAIRWISE,
        *(f"share/{digit}" for digit in range(10)),
    }
    assert sum(every[f"evaluation/share/{digit}"] for digit in range(10)) == pytest.approx(1)
    assert cheap.items() <= every.items()


def test_few_samples_have_no_neighbours(root: Path) -> None:
    digits = datasets.load("digits", root)
    scores = DigitsData().thorough().open(root, print).scorer(CPU)(to_unit(digits.test_inputs[:5]))
    assert scores.keys() & PAIRWISE == {"kernel"}
