"""Configuration as a user meets it: what a file may say, what `--set` changes, and the one line for each mistake."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError
from toy import ToyConfig

from lab.door.yamls import parse
from lab.errors import UserError
from lab.training.config import Config, RunConfig, dump, resolve


class Ring(Config):
    kind: Literal["ring"] = "ring"
    deviation: float = Field(0.02, gt=0)


class Folder(Config):
    kind: Literal["folder"]
    path: Path


class DataConfig(RunConfig):
    data: Annotated[Ring | Folder, Field(discriminator="kind")] = Ring(deviation=0.5)
    betas: tuple[float, float] = (0.5, 0.99)
    mode: Literal["alternating", "simultaneous"] = "alternating"


BASE: dict[str, Any] = {
    "steps": 100,
    "clock": {"period": 10},
    "voices": {"lr.net": {"wave": "cosine", "low": 0, "high": 1e-3}},
}


def make(sets: Any = (), **changes: Any) -> ToyConfig:
    return resolve(ToyConfig, BASE | changes, sets)


def data(sets: Any = (), **changes: Any) -> DataConfig:
    return resolve(DataConfig, BASE | changes, sets)


def test_a_file_may_write_lists_whole_numbers_and_paths() -> None:
    config = data(betas=[0, 1], data={"kind": "folder", "path": "a/b"})
    assert config.betas == (0.0, 1.0)
    assert config.data == Folder(kind="folder", path=Path("a/b"))


def test_what_is_dumped_resolves_to_the_same() -> None:
    config = data(["betas=[0.1, 1e-17]", "voices.x.y=3e-4"], data={"kind": "folder", "path": "a"})
    assert resolve(DataConfig, parse(dump(config))) == config


def test_set_walks_dotted_voices_and_nested_fields() -> None:
    config = make(["voices.lr.net.offset=0.25", "network.gain=2", "steps=7", "voices.noise=1e-2"])
    assert config.voices["lr.net"] == BASE["voices"]["lr.net"] | {"offset": 0.25}
    assert config.voices["noise"] == 0.01
    assert config.network.gain == 2.0
    assert config.network.widths == (16, 16)
    assert config.steps == 7
    assert "offset" not in BASE["voices"]["lr.net"]


def test_set_finds_a_voice_that_the_file_lacks_by_its_known_name() -> None:
    voices = {"noise": 0.0}
    sets = ["voices.lr.net.wave=triangle", "voices.lr.net.low=0", "voices.lr.net.high=1"]
    assert make(sets, voices=voices).voices["lr.net"] == {"wave": "triangle", "low": 0, "high": 1}


def test_set_keeps_the_rest_of_a_nested_default() -> None:
    assert data({"data.kind": "ring"}).data == Ring(deviation=0.5)


def test_null_leaves_out_a_voice() -> None:
    assert make({"voices.noise": None}, voices={"lr.net": 0.5, "noise": 0.1}).voices == {"lr.net": 0.5}


def test_set_takes_a_mapping_whose_values_replace() -> None:
    assert make({"voices.lr.net": 0.5, "network": {"gain": 3}}).voices == {"lr.net": 0.5}


@pytest.mark.parametrize(
    ("said", "changes"),
    [
        ("stepz: unknown key; did you mean 'steps'? (accepted: seed, steps, device", {"stepz": 1}),
        ("network.gian: unknown key; did you mean 'gain'? (accepted: widths, gain)", {"network": {"gian": 1}}),
        ("network.gain: NaN is not accepted; input should be a finite number", {"network": {"gain": float("nan")}}),
        ("network.gain: true is not accepted; input should be a valid number", {"network": {"gain": True}}),
        ("steps: true is not accepted", {"steps": True}),
        ("steps: 0 is not accepted; input should be greater than or equal to 1", {"steps": 0}),
        ("steps: 1000.0 is not accepted; input should be a valid integer (write 1000)", {"steps": 1000.0}),
        ('steps: "9" is not accepted', {"steps": "9"}),
        ('network.widths.1: "b" is not accepted; input should be a valid integer', {"network": {"widths": [1, "b"]}}),
        ("device: \"gpu\" is not accepted; input should be 'auto', 'cpu' or 'cuda'", {"device": "gpu"}),
        ("voices.lr.net: missing; give the", {"voices": {"lr.net": None}}),
        ("voices.nise: no such voice; did you mean 'noise'?", {"voices": {"lr.net": 1, "nise": None}}),
        ("voices.lr.nt: no such voice; did you mean 'lr.net'? (accepted: lr.net, noise)", {"voices": {"lr.nt": 1}}),
        ("voices.lr.net: missing; give the learning rate a number", {"voices": {"noise": 1}}),
        ("voices.lr.net.wave: ", {"voices": {"lr.net": {"wave": "cosin", "low": 0, "high": 1}}}),
        ("period", {"clock": {"period": 0}}),
    ],
)
def test_mistakes_are_one_line(said: str, changes: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        make(**changes)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_key_and_the_source_are_named() -> None:
    with pytest.raises(UserError, match=r"^my\.yaml: steps: missing; a value is required; clock: missing"):
        resolve(ToyConfig, {"voices": {}}, source="my.yaml")


def test_a_union_is_complained_about_without_its_tag() -> None:
    with pytest.raises(UserError, match=r"data\.deviatio: unknown key; did you mean 'deviation'"):
        data(data={"kind": "ring", "deviatio": 1})
    with pytest.raises(UserError, match=r"data\.path: missing"):
        data(data={"kind": "folder"})
    with pytest.raises(UserError, match=r"data: .*'ring', 'folder'"):
        data(data={"kind": "rink"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps", "expected KEY=VALUE"),
        ("=3", "expected KEY=VALUE"),
        ("a..b=3", "expected KEY=VALUE"),
        ("steps=[1", "the value is line 1"),
        ("seed.x=1", "seed: {"),
        ("steps.x=1", "steps is 100, which has no 'x'"),
        ("nonsense.deep=1", "nonsense: unknown key"),
    ],
)
def test_mistakes_in_set(text: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        make([text])
    assert said in str(caught.value)


def test_direct_construction_is_as_strict() -> None:
    with pytest.raises(ValidationError):
        ToyConfig(steps=1, clock={"period": 1}, voices={"lr.net": 1.0}, batch=True)
    with pytest.raises(ValidationError, match=r"voices\.lr\.nt: no such voice"):
        ToyConfig(steps=1, clock={"period": 1}, voices={"lr.nt": 1.0})
