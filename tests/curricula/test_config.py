"""The configuration of a curriculum: every kind builds its teacher, survives YAML, and refuses mistakes at once."""

from typing import Annotated

import numpy as np
import pytest
import yaml

from curricula.pacing import Cosine, Cyclic, Linear, Staircase
from curricula.teachers import (
    TEACHERS,
    Episodes,
    Fixed,
    LevelReplay,
    NoCurriculum,
    Paced,
    PerAxis,
    Rehearsal,
    Reverse,
    SuccessThreshold,
    TeacherConfig,
    Uniform,
    Waits,
)
from lab.errors import UserError
from lab.phase import Clock, Constant, Schedule
from lab.training.config import Config, as_mapping, resolve
from lab.training.parts import own_parts


class Holder(Config):
    curriculum: Annotated[TeacherConfig, TEACHERS] = NoCurriculum()


def read(curriculum: object) -> TeacherConfig:
    return resolve(Holder, {"curriculum": curriculum}).curriculum


KINDS = [
    ({"kind": "none"}, Fixed(1.0)),
    ({"kind": "none", "difficulty": 0.5}, Fixed(0.5)),
    ({"kind": "uniform", "high": 0.5}, Uniform(0.0, 0.5)),
    ({"kind": "linear", "stop": 100}, Paced(Linear(stop=100))),
    ({"kind": "cosine", "stop": 100, "start": 5, "low": 0.2}, Paced(Cosine(stop=100, start=5, low=0.2))),
    ({"kind": "staircase", "stop": 100, "levels": 3}, Paced(Staircase(stop=100, levels=3))),
    ({"kind": "success_threshold", "window": 7, "step_up": 0.25}, SuccessThreshold(window=7, step_up=0.25)),
    (
        {"kind": "cyclic", "clock": {"period": 50}, "stop": 100, "first": 0.3},
        Paced(Cyclic(Schedule(Clock(period=50), offset=0.5), stop=100, first=0.3)),
    ),
    ({"kind": "reverse", "step": 0.1}, Reverse(step=0.1)),
    ({"kind": "level_replay", "levels": 5, "measure": "success"}, LevelReplay(levels=5, measure="success")),
    (
        {"kind": "per_axis", "axes": {"goal": {"kind": "linear", "stop": 9}, "power": {"kind": "reverse"}}},
        PerAxis({"goal": Paced(Linear(stop=9)), "power": Reverse()}),
    ),
    ({"kind": "rehearsal", "of": {"kind": "uniform"}}, Rehearsal(Uniform(), Constant(0.3))),
    (
        {"kind": "rehearsal", "of": {"kind": "uniform"}, "share": 0.5, "at": {"clock": {"period": 9}, "offset": 0.5}},
        Rehearsal(Uniform(), Schedule(Clock(period=9), high=0.5, offset=0.5)),
    ),
    (
        {"kind": "waits", "of": {"kind": "reverse"}, "at": {"clock": {"period": 9}}},
        Waits(Reverse(), Reverse(), Clock(period=9)),
    ),
]


@pytest.mark.parametrize(("mapping", "teacher"), KINDS, ids=lambda x: x.get("kind", "") if isinstance(x, dict) else "")
def test_every_kind_builds_its_teacher_and_survives_yaml(mapping: dict, teacher: object) -> None:
    holder = Holder(curriculum=read(mapping))
    assert holder.curriculum.build() == teacher
    assert holder.curriculum.kind == mapping["kind"]
    assert resolve(Holder, yaml.safe_load(yaml.safe_dump(as_mapping(holder)))) == holder


def test_a_wave_begins_with_the_easy_tasks() -> None:
    teacher = read({"kind": "wave", "clock": {"period": 100}, "high": 0.8}).build()
    levels = []
    for step in (0, 50, 100):
        teacher.update(Episodes.none(step))
        levels.append(teacher.level)
    assert levels == pytest.approx([0.0, 0.8, 0.0])


def test_no_curriculum_is_the_target_task() -> None:
    assert Holder().curriculum.build().difficulty(np.random.default_rng(0), 2).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("kind", ["learning_progress", "self_paced"])
def test_kinds_over_all_axes_take_those_of_the_task(kind: str) -> None:
    config, random = read({"kind": kind}), np.random.default_rng(0)
    assert config.build().difficulty(random, 4).shape == config.build_for(("a",)).difficulty(random, 4).shape == (4,)
    assert config.build_for(("a", "b", "c")).difficulty(random, 4).shape == (4, 3)
    nested = read({"kind": "waits", "of": {"kind": "rehearsal", "of": {"kind": kind}}, "at": {"clock": {"period": 9}}})
    assert nested.build_for(("a", "b")).difficulty(random, 4).shape == (4, 2)


class OwnCurriculum(TeacherConfig):
    def build(self) -> Fixed:
        return Fixed(0.5)


def test_a_curriculum_of_ones_own_may_stand_inside_others() -> None:
    own = {"kind": f"{__name__}:OwnCurriculum"}
    inside = read({"kind": "per_axis", "axes": {"power": {"kind": "rehearsal", "of": own}, "goal": own}})
    assert inside.build().difficulty(np.random.default_rng(0), 1).tolist() == [[0.5, 0.5]]
    assert list(own_parts(Holder(curriculum=inside))) == [type(read(own))] * 2


def test_a_built_teacher_is_new_each_time() -> None:
    config = read({"kind": "success_threshold", "window": 1})
    config.build().update(Episodes(0, np.zeros(1), np.zeros(1), np.ones(1, np.int64), np.ones(1, bool)))
    assert config.build().level == 0.0


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        (
            {"kind": "liner"},
            ["curriculum: no curriculum is called 'liner'; did you mean 'linear'? (accepted: none, "],
        ),
        ({"stop": 5}, ["curriculum: kind is missing; accepted: none"]),
        ({"kind": "linear"}, ["stop"]),
        ({"kind": "linear", "stop": 0}, ["stop", "greater than or equal to 1"]),
        ({"kind": "linear", "stop": 5, "start": 9}, ["curriculum.stop is 5; accepted: a step after start, 9"]),
        ({"kind": "linear", "stop": True}, ["stop", "integer"]),
        (
            {"kind": "linear", "stop": 5, "stp": 7},
            ["curriculum.stp: unknown key; did you mean 'stop'? (accepted: kind, stop"],
        ),
        ({"kind": "uniform", "low": float("nan")}, ["low"]),
        ({"kind": "uniform", "low": 0.5, "high": 0.1}, ["low is 0.5"]),
        ({"kind": "wave", "clock": {"period": 0}}, ["period", "0"]),
        ({"kind": "wave", "clock": {"period": 5}, "wave": "cosin"}, ["cosin", "did you mean"]),
        ({"kind": "success_threshold", "threshold": 1.5}, ["threshold"]),
        ({"kind": "success_threshold", "lowest": 0.9, "highest": 0.2}, ["lowest is 0.9"]),
        (
            {"kind": "cyclic", "clock": {"period": 5}, "stop": 9, "first": 0.9, "high": 0.5},
            ["first is 0.9", "[0, 0.5]"],
        ),
        (
            {"kind": "reverse", "too_hard": 0.95},
            ["curriculum.too_hard is 0.95; accepted: a number below mastered, 0.9"],
        ),
        ({"kind": "learning_progress", "fit_every": 5}, ["curriculum.fit_every is 5; accepted: a whole number of at"]),
        ({"kind": "learning_progress", "measure": "reward"}, ["measure", "reward", "'return' or 'success'"]),
        ({"kind": "level_replay", "temperature": 0}, ["curriculum.temperature: 0", "greater than 0"]),
        ({"kind": "self_paced", "max_kl": -1}, ["curriculum.max_kl: -1", "greater than 0"]),
        ({"kind": "per_axis", "axes": {}}, ["axes", "at least 1"]),
        ({"kind": "per_axis", "axes": {"power": {"kind": "linear"}}}, ["curriculum.axes.power.stop: missing"]),
        (
            {"kind": "rehearsal", "of": {"kind": "liner"}},
            ["curriculum.of: no curriculum is called 'liner'; did you mean"],
        ),
        (
            {"kind": "rehearsal", "of": {"kind": "linear", "stop": 5, "stp": 7}},
            ["curriculum.of.stp: unknown key; did you mean 'stop'"],
        ),
        ({"kind": "rehearsal", "of": {"kind": "uniform"}, "share": 1.2}, ["curriculum.share: 1.2"]),
        (
            {"kind": "rehearsal", "of": {"kind": "uniform"}, "at": {"clock": {"period": 0}}},
            ["curriculum.at.clock.period", "0"],
        ),
        (
            {"kind": "rehearsal", "of": {"kind": "uniform"}, "at": {"clock": {"period": 5}, "wave": "cosin"}},
            ["cosin", "did you"],
        ),
        (
            {"kind": "waits", "of": {"kind": "uniform"}, "at": {"clock": {"period": 5}, "phase": 1}},
            ["curriculum.at.phase: 1", "less"],
        ),
        ({"kind": "waits", "of": {"kind": "uniform"}}, ["curriculum.at: missing"]),
    ],
)
def test_mistakes_are_refused_when_the_configuration_is_read(mapping: dict, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        read(mapping)
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words)
