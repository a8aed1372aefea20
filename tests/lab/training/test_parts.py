"""Parts: one class is settings and what is built from them; a configuration names a listed one, or the user's own."""

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from lab.errors import UserError
from lab.training.config import Config, as_mapping, resolve
from lab.training.parts import Part, Parts, own_parts


class Shape(Part):
    kind: str

    def area(self) -> float:
        raise NotImplementedError


class Square(Shape):
    kind: Literal["square", "quadrat"]
    side: float = Field(1.0, gt=0)

    def area(self) -> float:
        return self.side**2


class Polygon(Shape):
    kind: Literal["polygon"]
    corners: tuple[tuple[float, float], ...] = Field(min_length=3)


class Point(Shape):
    kind: Literal["point"]


SHAPES = Parts("shape", "kind", Shape, (Square, Polygon, Point))


class Drawing(Config):
    shape: Annotated[Shape, SHAPES]
    title: str = ""


def draw(shape: object, *sets: str) -> Drawing:
    return resolve(Drawing, {"shape": shape}, sets)


@pytest.fixture
def own_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A current directory with a module ``my_shapes`` in it."""
    (tmp_path / "my_shapes.py").write_text(
        f"from {__name__} import Shape\n"
        "class Circle(Shape):\n"
        "    radius: float = 2.0\n"
        "    def area(self) -> float:\n"
        "        return 3 * self.radius**2\n"
        "class Unrelated: pass\n"
        "number = 3\n"
    )
    (tmp_path / "broken_shapes.py").write_text("import no_such_package\n")
    (tmp_path / "failing_shapes.py").write_text("raise RuntimeError('two\\nlines')\n")
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("my_shapes", "broken_shapes", "failing_shapes"):
        sys.modules.pop(name, None)


def test_a_word_names_a_part_and_its_settings_are_checked_as_a_file() -> None:
    assert draw({"kind": "square", "side": 3}).shape.area() == 9.0
    assert draw({"kind": "quadrat"}).shape == Square(kind="quadrat")
    assert draw({"kind": "polygon", "corners": [[0, 0], [1, 0], [0, 1]]}).shape == Polygon(
        kind="polygon", corners=((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    )


def test_a_part_without_settings_is_read_and_written_as_its_word() -> None:
    assert draw("point").shape == draw({"kind": "point"}).shape == Point(kind="point")
    assert as_mapping(draw("point"))["shape"] == "point"


@pytest.mark.parametrize(
    "shape", ["point", {"kind": "square", "side": 0.1}, {"kind": "polygon", "corners": [[0, 0]] * 3}]
)
def test_what_is_dumped_resolves_to_the_same_and_pickles(shape: object) -> None:
    drawing = draw(shape)
    assert resolve(Drawing, as_mapping(drawing)) == drawing
    assert pickle.loads(pickle.dumps(drawing)) == drawing


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({"kind": "sqare"}, "shape: no shape is called 'sqare'; did you mean 'square'? (accepted: square, quadrat, "),
        ({"kind": 3}, "shape: no shape is called '3' (accepted"),
        ({"side": 3}, "shape: kind is missing; accepted: square, "),
        (7, "shape: '7' is not accepted; {kind: …} is expected"),
        ({"kind": "square", "sied": 1}, "shape.sied: unknown key; did you mean 'side'? (accepted: kind, side)"),
        ({"kind": "square", "side": 0}, "shape.side: 0 is not accepted; input should be greater than 0"),
        ({"kind": "square", "side": True}, "shape.side: true is not accepted"),
        ({"kind": "polygon"}, "shape.corners: missing; a value is required"),
        ({"kind": "os:system"}, "shape: module 'os' belongs to Python itself"),
        ({"kind": "no_such_module:Circle"}, "shape: module 'no_such_module' is neither installed nor in the current"),
        ({"kind": "my_shapes.sub:Circle"}, "shape: module 'my_shapes.sub' is neither installed nor in the current"),
        ({"kind": "my_shapes:Circle:x"}, "shape: 'my_shapes:Circle:x' is not accepted; my_package.module:Name, a sub"),
        ({"kind": "../my_shapes:Circle"}, "shape: '../my_shapes:Circle' is not accepted"),
        ({"kind": "my_shapes:Cirle"}, "shape: 'my_shapes:Cirle' is nothing of that name; accepted: my_package.module"),
        ({"kind": "my_shapes:Unrelated"}, "shape: 'my_shapes:Unrelated' is something else; accepted: my_package.mod"),
        ({"kind": "my_shapes:number"}, "shape: 'my_shapes:number' is something else"),
        ({"kind": "broken_shapes:Circle"}, "'broken_shapes' cannot be imported: it needs no_such_package"),
        ({"kind": "failing_shapes:Circle"}, "'failing_shapes' cannot be imported (RuntimeError: two lines)"),
        ({"kind": "my_shapes:Circle", "radius": "a"}, 'shape.radius: "a" is not accepted; input should be a valid num'),
        ({"kind": "my_shapes:Circle", "radios": 1}, "shape.radios: unknown key; did you mean 'radius'?"),
    ],
)
def test_mistakes_are_one_line_that_names_the_field(shape: object, said: str, own_package: Path) -> None:
    with pytest.raises(UserError) as caught:
        draw(shape)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_part_of_the_users_own(own_package: Path) -> None:
    drawing = draw({"kind": "my_shapes:Circle"}, "shape.radius=3")
    assert drawing.shape.area() == 27.0
    assert as_mapping(drawing)["shape"] == {"kind": "my_shapes:Circle", "radius": 3.0}
    assert resolve(Drawing, as_mapping(drawing)) == drawing
    assert [part.__name__ for part in own_parts(drawing)] == ["Circle"]
    assert list(own_parts(draw("point"))) == []


def test_what_is_installed_is_not_shadowed_by_the_current_directory(own_package: Path) -> None:
    (own_package / "pydantic.py").write_text("raise RuntimeError('shadowed')\n")
    with pytest.raises(UserError, match="is something else"):
        draw({"kind": "pydantic:BaseModel"})
