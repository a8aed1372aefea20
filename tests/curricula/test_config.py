"""The configuration of a curriculum: every kind builds its teacher, survives YAML, and refuses mistakes at once."""

from typing import Annotated

import numpy as np
import pytest
import yaml

from curricula.pacing import Cosine, Linear, Staircase
from curricula.teachers import TEACHERS, Episodes, Fixed, NoCurriculum, Paced, SuccessThreshold, TeacherConfig, Uniform
from lab.errors import UserError
from lab.training.config import Config, as_mapping, resolve


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
    ],
)
def test_mistakes_are_refused_when_the_configuration_is_read(mapping: dict, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        read(mapping)
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words)
