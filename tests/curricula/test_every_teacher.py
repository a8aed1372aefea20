"""What holds for every kind of curriculum, whatever it is told: the range, the form, no side effects, exact resumes."""

import copy
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curricula.teachers import TEACHERS, Episodes, Teacher, frontier

KINDS = {
    "none": {},
    "uniform": {"high": 0.7},
    "linear": {"stop": 4000},
    "cosine": {"stop": 4000, "low": 0.2},
    "staircase": {"stop": 4000},
    "wave": {"clock": {"period": 700}},
    "cyclic": {"clock": {"period": 700}, "stop": 4000, "first": 0.3},
    "success_threshold": {"window": 5, "step_down": 0.05},
    "reverse": {"window": 3, "step": 0.15},
    "learning_progress": {"fit_every": 12, "gaussians": 3, "memory": 20},
    "level_replay": {"levels": 40},
    "self_paced": {"every": 14},
    "per_axis": {"axes": {"a": {"kind": "linear", "stop": 4000}, "b": {"kind": "reverse", "window": 3}}},
    "rehearsal": {"of": {"kind": "success_threshold", "window": 5}, "share": 0.5, "at": {"clock": {"period": 700}}},
    "waits": {"of": {"kind": "learning_progress", "fit_every": 8, "gaussians": 2}, "at": {"clock": {"period": 300}}},
}
SEVERAL = ("learning_progress", "self_paced", "per_axis", "waits", "rehearsal of self_paced")
"""Kinds that answer a row where the task has several axes."""


def built(kind: str, axes: tuple[str, ...]) -> Teacher:
    if kind == "rehearsal of self_paced":
        settings = {"kind": "rehearsal", "of": {"kind": "self_paced", "every": 14}}
    else:
        settings = {"kind": kind, **KINDS[kind]}
    return TEACHERS.validate(settings).build_for(axes)


CASES = [(kind, ("a", "b")) for kind in SEVERAL] + [(kind, ("a",)) for kind in KINDS if kind != "per_axis"]
EVERY = pytest.mark.parametrize(("kind", "axes"), CASES, ids=[f"{kind}-{len(axes)}" for kind, axes in CASES])
HISTORY = st.lists(
    st.lists(st.tuples(st.floats(-200, 500, width=32), st.booleans()), max_size=9), min_size=1, max_size=14
)
"""What episodes come to in each report: return and success."""


def report(teacher: Teacher, random: np.random.Generator, step: int, outcomes: list) -> np.ndarray:
    asked = teacher.difficulty(random, len(outcomes))
    if not outcomes:
        teacher.update(Episodes.none(step))
        return asked
    returns, success = (np.array(column) for column in zip(*outcomes, strict=True))
    teacher.update(Episodes(step, asked, returns.astype(float), np.ones(len(returns), np.int64), success.astype(bool)))
    return asked


def test_every_listed_kind_is_tried() -> None:
    assert set(KINDS) == set(TEACHERS.listed)


@EVERY
@given(history=HISTORY, seed=st.integers(0, 99))
@settings(max_examples=12, deadline=None)
def test_it_answers_difficulties_in_its_form_and_goes_on_exactly(
    kind: str, axes: tuple, history: list, seed: int
) -> None:
    whole, random = built(kind, axes), np.random.default_rng(seed)
    shape = (len(axes),) if kind in SEVERAL and len(axes) > 1 else ()
    half, step = len(history) // 2, 0
    for at, outcomes in enumerate(history):
        if at == half:
            resumed, resumed_random = built(kind, axes), copy.deepcopy(random)
            resumed.load_state_dict(json.loads(json.dumps(whole.state_dict(), allow_nan=False)))
        step += 97
        before = json.dumps(whole.state_dict())
        for n in (0, 1, 5):
            drawn = whole.difficulty(np.random.default_rng(n), n)
            assert (drawn.dtype, drawn.shape) == (np.float64, (n, *shape))
            assert np.all((drawn >= 0.0) & (drawn <= 1.0))
        assert 0.0 <= whole.level <= 1.0
        assert 0.0 <= frontier(whole) <= 1.0
        assert json.dumps(whole.state_dict()) == before
        asked = report(whole, random, step, outcomes)
        if at >= half:
            np.testing.assert_array_equal(report(resumed, resumed_random, step, outcomes), asked)
            assert resumed.state_dict() == whole.state_dict()
            assert (resumed.level, frontier(resumed)) == (whole.level, frontier(whole))


@EVERY
def test_a_state_belongs_to_one_teacher_alone(kind: str, axes: tuple) -> None:
    first, second, random = built(kind, axes), built(kind, axes), np.random.default_rng(0)
    for step in range(1, 9):
        report(first, random, 100 * step, [(float(step), step % 3 > 0)] * 4)
    state = first.state_dict()
    saved = json.dumps(state)
    second.load_state_dict(state)
    for step in range(9, 15):
        report(first, random, 100 * step, [(float(step), step % 2 > 0)] * 4)
    assert json.dumps(second.state_dict()) == saved
    for step in range(9, 15):
        report(second, random, 100 * step, [(float(step), step % 2 > 0)] * 4)
    assert json.dumps(state) == saved


@EVERY
@pytest.mark.parametrize("reports", [0, 5, 20])
def test_its_level_is_the_mean_of_what_it_asks_for(kind: str, axes: tuple, reports: int, learner, teach) -> None:
    teacher = built(kind, axes)
    teach(teacher, learner(skill=0.4), reports)
    drawn = teacher.difficulty(np.random.default_rng(1), 20_000)
    error = drawn.std() / math.sqrt(20_000)
    assert teacher.level == pytest.approx(drawn.mean(), abs=5 * error + 1e-9)
