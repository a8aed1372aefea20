"""Robots of MuJoCo: run; difficulty scales gravity, friction and masses up to the robot's own.

Gymnasium's MuJoCo environments, at difficulty 1 step for step. Parameters are factors of what the model file says, each
1 in the standard task, from 0.05 to 20:

- ``gravity``;
- ``friction``: of all surfaces, the floor's too;
- ``mass``: of all bodies, with their inertia; the motors stay as they are.

The default axis is gravity, from 0.5. With its motors off Hopper then stays up for 226 steps at difficulty 0 and 156 at
1, Walker2d for 161 and 116 (20 seeds). HalfCheetah cannot fall and Ant hardly does; whether weak gravity helps them to
run was not shown. Half the mass did not make simple rules of thumb last longer. Any id works:
``curricula.tasks.mujoco.make("Humanoid-v5", axes=…, goal=5.0)``.

Success: the robot ends its episode at least ``goal`` metres on, as its ``info`` tells by ``x_position``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curricula.adapted import AdaptedEnv
from curricula.difficulty import Axis, Difficulty, number, parse_axes
from curricula.success import Episode
from curricula.tasks.extras import standard, within
from lab.errors import UserError

AXES = (Axis("gravity", easy=0.5, target=1.0),)
PARAMETERS = {"gravity": 1.0, "friction": 1.0, "mass": 1.0}
RANGES = dict.fromkeys(PARAMETERS, (0.05, 20.0))
GOALS = {"Hopper-v5": 5.0, "HalfCheetah-v5": 50.0, "Walker2d-v5": 5.0, "Ant-v5": 10.0}
"""Metres within the time limit that are a run, by id: Hopper and Walker2d have 8 s, the others 50."""


def make(
    of: str = "Hopper-v5",
    difficulty: Difficulty = 1.0,
    axes: Mapping[str, Any] | None = None,
    goal: float | None = None,
    **options: Any,
) -> AdaptedEnv:
    """A robot at a difficulty.

    Args:
        of: the id that it is at difficulty 1, any of Gymnasium's MuJoCo environments. difficulty: of the first episode.
        axes: what difficulty moves, ``{parameter: {easy, target, scale?}}``. goal: metres that are a success; the
        robot's own in ``GOALS`` by default, and where it has none no success is told. options: as Gymnasium's takes
        them: ``render_mode``, ``xml_file``, weights of rewards, …

    Raises:
        UserError: the extra ``mujoco`` is not installed, or a value is not accepted.
    """
    chosen = within(parse_axes(axes, AXES, PARAMETERS), RANGES)
    metres = GOALS.get(of) if goal is None else number("goal", goal)
    env = standard(of, "mujoco", "mujoco", **options)
    if not hasattr(env, "model"):
        raise UserError(f"of is {of!r}; accepted: a MuJoCo environment, e.g. Humanoid-v5")
    model = env.model
    own = {name: array.copy() for name, array in _arrays(model).items()}

    def apply(env: Any, values: Mapping[str, float]) -> None:
        from mujoco import mj_setConst

        for name, array in _arrays(model).items():
            array[:] = own[name] * values.get(name.partition(" ")[0], 1.0)
        mj_setConst(model, env.data)  # what the engine derives from masses; the reset that follows sets the data anew

    def far_enough(episode: Episode) -> bool:
        return bool(episode.info["x_position"] >= metres)

    success = None if metres is None else far_enough
    return AdaptedEnv(env, chosen, apply=apply, success=success, difficulty=difficulty)


def _arrays(model: Any) -> dict[str, Any]:
    """The model's own arrays, by the parameter that scales each."""
    return {
        "gravity": model.opt.gravity,
        "friction": model.geom_friction,
        "mass": model.body_mass,
        "mass and inertia": model.body_inertia,
    }
