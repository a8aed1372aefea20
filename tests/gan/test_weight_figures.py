"""The figures of the weights, from runs made up here: which layers they draw, and what they say in words."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).parents[1] / "lab" / "reports"))
from synthetic import gan_run

from gan.figures import draw
from gan.weight_figures import draw_moves, draw_singular
from lab.reports import style
from lab.reports.runs import arms, read_run
from lab.reports.style import Saved

MOVES = {"update_ratio": 1e-3, "update_cosine": -0.5, "distance": 12.5}


def run(path: Path, layers: Mapping[str, int], moves: Mapping[str, float] = MOVES, **changes: object) -> Path:
    """A run that has logged these moves, and of its layers the size of each and, above 1, the stable rank."""
    gan_run(path, **changes)
    rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    for row in rows:
        row |= {f"{name}/{player}": value for name, value in moves.items() for player in ("generator", "discriminator")}
        if row["step"] % 200 == 0:
            row |= {f"singular_value/{layer}": float(size) for layer, size in layers.items()}
            row |= {f"stable_rank/{layer}": 2.0 for layer, size in layers.items() if size > 1}
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def titles(figure: Figure) -> list[str]:
    return [axes.get_title("left").removesuffix(" ") for axes in figure.axes]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Figure]:
    """Every figure that is saved, by its name."""
    kept: dict[str, Figure] = {}
    save = style.save

    def keep(figure: Figure, out: Path, stem: str, *words: str) -> Saved:
        kept[stem] = figure
        return save(figure, out, stem, *words)

    monkeypatch.setattr(style, "save", keep)
    return kept


def test_a_run_that_logged_them_has_both_figures_in_words_too(tmp_path: Path) -> None:
    path = run(tmp_path / "run", {"generator/0": 3, "generator/2": 1, "discriminator/0": 7})
    saved = {figure.path.stem: figure for figure in draw([path], tmp_path / "out")}
    assert {"weights", "singular-values"} <= saved.keys()
    assert "In run the generator 12.5 and the discriminator 12.5 from the start" in saved["weights"].alt
    assert "In run the largest at the end is 7, of layer 1 of the discriminator." in saved["singular-values"].alt
    assert (
        "the generator's 1, 2 are 0, 2 in its network; the discriminator's 1 are 0" in saved["singular-values"].caption
    )


def test_a_run_that_logged_only_some_has_only_those(tmp_path: Path) -> None:
    groups = arms([read_run(run(tmp_path / "run", {}, {"distance": 1.0}))])
    assert draw_singular(groups, tmp_path, "step") == []
    assert len(draw_moves(groups, tmp_path, "step")) == 1
    groups = arms([read_run(gan_run(tmp_path / "plain"))])
    assert draw_moves(groups, tmp_path, "step") == []


def test_of_many_layers_four_are_drawn_by_their_numbers(tmp_path: Path, drawn: dict[str, Figure]) -> None:
    path = run(tmp_path / "run", {f"generator/{2 * place}": 1 + place for place in range(10)})
    (saved,) = draw_singular(arms([read_run(path)]), tmp_path, "step")
    legends = [axes.get_legend() for axes in drawn["singular-values"].axes]
    assert [[text.get_text() for text in legend.get_texts()] for legend in legends] == [
        ["1", "4", "7", "10"],
        ["4", "7", "10"],
    ]
    assert "the generator's 1, 4, 7, 10 are 0, 6, 12, 18 in its network." in saved.caption


def test_a_layer_alone_in_its_panel_is_named_above_it(tmp_path: Path, drawn: dict[str, Figure]) -> None:
    path = run(tmp_path / "run", {"generator/0": 3, "generator/2": 1})
    draw_singular(arms([read_run(path)]), tmp_path, "step")
    assert titles(drawn["singular-values"]) == ["Generator: singular value", "Generator: stable rank, layer 1"]


def test_of_several_arms_each_layer_has_a_panel(tmp_path: Path, drawn: dict[str, Figure]) -> None:
    layers = {"generator/0": 3, "generator/2": 1}
    paths = [run(tmp_path / name, layers, steps=steps) for name, steps in (("a", 2000), ("b", 4000))]
    draw_singular(arms([read_run(path) for path in paths]), tmp_path, "step")
    assert titles(drawn["singular-values"]) == [
        "Generator: singular value, layer 1",
        "Generator: singular value, layer 2",
        "Generator: stable rank, layer 1",
    ]
