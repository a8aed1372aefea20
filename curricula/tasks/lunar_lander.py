"""Lunar lander: come to rest on the moon; difficulty strengthens gravity, and wind where it is asked for.

Gymnasium's LunarLander-v3, at difficulty 1 step for step; actions, rewards and observations are its own. Parameters,
with the standard task's values:

- ``gravity``, −10, from −11.99 to −0.01 (Box2D's units);
- ``wind_power``, 0, up to 20, and ``turbulence_power``, 0, up to 2: the greatest force and torque. Where both are 0
  there is no wind at all, as in the standard task; Gymnasium's windy one has 15 and 1.5.

The default axis is gravity, from −6: doing nothing lasts 98 steps at difficulty 0 and 74 at 1, and Gymnasium's own rule
of thumb lands with a return of 286 against 264 (20 seeds each). Weaker still is no easier, the engines then throw the
lander about: at −2 the rule fails in every fifth episode. With wind::

    axes: {gravity: {easy: -6.0}, wind_power: {easy: 0.0, target: 15.0}, turbulence_power: {easy: 0.0, target: 1.5}}

Success: the lander has come to rest, wherever on the moon.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curricula.adapted import AdaptedEnv
from curricula.difficulty import Axis, Difficulty, parse_axes
from curricula.success import Episode
from curricula.tasks.extras import standard, within

AXES = (Axis("gravity", easy=-6.0, target=-10.0),)
RANGES = {"gravity": (-11.99, -0.01), "wind_power": (0.0, 20.0), "turbulence_power": (0.0, 2.0)}


def make(
    of: str = "LunarLander-v3",
    difficulty: Difficulty = 1.0,
    axes: Mapping[str, Any] | None = None,
    gravity: float = -10.0,
    wind_power: float = 0.0,
    turbulence_power: float = 0.0,
    **options: Any,
) -> AdaptedEnv:
    """The lander at a difficulty.

    Args:
        of: the id that it is at difficulty 1.
        difficulty: of the first episode.
        axes: what difficulty moves, ``{parameter: {easy, target, scale?}}``.
        gravity: where no axis moves it; so the next two.
        wind_power: the wind's greatest force.
        turbulence_power: the wind's greatest torque.
        options: as Gymnasium's takes them: ``continuous``, ``render_mode``.

    Raises:
        UserError: the extra ``box2d`` is not installed, or a value is not accepted.
    """
    fixed = {"gravity": gravity, "wind_power": wind_power, "turbulence_power": turbulence_power}
    chosen = within(parse_axes(axes, AXES, fixed), RANGES)

    def apply(env: Any, values: Mapping[str, float]) -> None:
        for name, value in {**fixed, **values}.items():
            setattr(env, name, value)
        env.enable_wind = env.wind_power > 0.0 or env.turbulence_power > 0.0  # draws its phase at reset

    env = standard(of, "box2d", "Box2D", gravity=gravity, **options)
    return AdaptedEnv(env, chosen, apply=apply, success=_at_rest, difficulty=difficulty)


def _at_rest(episode: Episode) -> bool:
    return episode.terminated and episode.reward == 100.0
