"""Somebody's own Gymnasium environment as a task with a difficulty.

Where the difficulty is a number that the environment keeps as an attribute, the axes alone say it::

    env = adapt("my_package:MyEnv-v0", {"gravity": {"easy": 1.0, "target": 9.8}})

Where more follows from it, a function of yours sets everything that must change together::

    def lighter(env, values):  # env is CartPoleEnv itself, which computes these once, when it is made
        env.masspole = values["mass"]
        env.total_mass = env.masspole + env.masscart
        env.polemass_length = env.masspole * env.length

    env = adapt("CartPole-v1", {"mass": {"easy": 0.02, "target": 0.1}}, apply=lighter)

A difficulty waits for the next ``reset``, whoever calls it: SB3 and Gymnasium's vector environments reset inside the
step that ends an episode. There it is adopted *before* the environment's own ``reset``, so that the terrain, the first
state and the first observation are already those of the new difficulty, and nothing changes in mid-air. An environment
whose ``reset`` itself sets the attribute would undo that; it is told so, and takes ``when="after"``.

What cannot be refused from inside: SB3's ``set_attr("gravity", …)`` on environments inside a ``Monitor`` makes a new
attribute of the Monitor. Call ``env_method("set_difficulty", d)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from curricula.difficulty import Difficulty, FloatArray, level, spread
from curricula.setters import Apply, Axes, Setter, When, setters
from curricula.success import Episode, Success, check, judged
from lab.errors import UserError


class AdaptedEnv(gym.Wrapper[Any, Any, Any, Any]):
    """An environment with a difficulty, made by `adapt`, or as a ``wrapper_class`` of SB3's make_vec_env.

    ``info["difficulty"]`` is the running episode's, in reset and in step. ``info["success"]`` (and ``"is_success"``,
    which SB3 reads) says in step whether the episode reached its aim if it ends there; absent where nothing tells it.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        axes: Axes,
        *,
        apply: Apply | None = None,
        when: When = "before",
        success: Success = None,
        difficulty: Difficulty = 1.0,
    ) -> None:
        """Find and try what the axes name; the arguments are those of `adapt`.

        Raises:
            UserError: naming the axis or the argument, its value and what is accepted.
        """
        super().__init__(env)
        if env.has_wrapper_attr("set_difficulty"):
            inner = type(env.unwrapped).__name__
            raise UserError(f"axes: {inner} has a difficulty of its own (set_difficulty); accepted: no axes")
        self._success = check(success)
        self._setters = setters(env, axes, apply, when)
        self.axes = tuple(axis for setter in self._setters for axis in setter.axes)
        self._current = self._pending = spread(difficulty, self.axes, 1)
        self._returns, self._length = 0.0, 0

    @property
    def difficulty(self) -> float:
        """The difficulty of the running episode, in [0, 1]; of a named vector, its mean."""
        return float(level(self._current)[0])

    @property
    def values(self) -> dict[str, float]:
        """The value of every axis in the running episode."""
        return {name: value for setter, row in self._rows() for name, value in setter.values(row).items()}

    def set_difficulty(self, difficulty: Difficulty) -> None:
        """Store the difficulty of the next episode: the running one is left alone, the next ``reset`` adopts it.

        Args:
            difficulty: a number in [0, 1], or ``{axis: number}``; 0 is the easiest, 1 the target.
        """
        self._pending = spread(difficulty, self.axes, 1)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode at the pending difficulty.

        Args:
            seed: as the environment takes it.
            options: ``difficulty`` is of this episode and of those after it; all others are the environment's.

        Raises:
            UserError: an attribute cannot be set, or the environment's own reset has set it to something else.
        """
        rest = dict(options or {})
        if "difficulty" in rest:
            self._pending = spread(rest.pop("difficulty"), self.axes, 1, "options.difficulty")
        self._current = self._pending
        self._set("before")
        observation, info = self.env.reset(seed=seed, options=rest or None)
        self._set("after")
        self._returns, self._length = 0.0, 0
        return observation, {**info, "difficulty": self.difficulty}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """One step of the environment."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._returns += float(reward)
        self._length += 1
        so_far = Episode(
            self.unwrapped, observation, float(reward), self._returns, self._length, terminated, truncated, info
        )
        success = judged(self._success, so_far)
        told = {} if success is None else {"success": success, "is_success": success}
        return observation, float(reward), terminated, truncated, {**info, **told, "difficulty": self.difficulty}

    # -- state, where the environment has one --------------------------------------------------------------------------

    @property
    def state_dict(self) -> Callable[[], dict[str, Any]]:
        """What the environment's own ``state_dict`` says, and the difficulties; no attribute where it has none."""
        inner = self.env.get_wrapper_attr("state_dict")
        return lambda: {
            "env": inner(),
            "difficulty": self._current[:, 0].tolist(),
            "pending": self._pending[:, 0].tolist(),
            "returns": self._returns,
            "length": self._length,
        }

    @property
    def load_state_dict(self) -> Callable[[Mapping[str, Any]], None]:
        """Go on where ``state_dict`` was taken; no attribute where the environment has none."""
        inner = self.env.get_wrapper_attr("load_state_dict")

        def load(state: Mapping[str, Any]) -> None:
            self._current, self._pending = (
                np.array(state[name], dtype=np.float64)[:, None] for name in ("difficulty", "pending")
            )
            self._returns, self._length = float(state["returns"]), int(state["length"])
            for setter, row in self._rows():
                setter.set(row)
            inner(state["env"])

        return load

    # -- writes that would look successful -----------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse what SB3's ``set_attr`` would store here, where the environment never sees it."""
        self._refuse_write(name)
        super().__setattr__(name, value)

    def set_wrapper_attr(self, name: str, value: Any, *, force: bool = True) -> bool:
        """Refuse what would change an axis in the middle of an episode, as Gymnasium's ``set_attr`` would."""
        self._refuse_write(name)
        return super().set_wrapper_attr(name, value, force=force)

    def _refuse_write(self, name: str) -> None:
        if name == "difficulty" or name in (axis.name for axis in self.__dict__.get("axes", ())):
            raise UserError(f"{name} is no attribute to write, it follows the difficulty; accepted: set_difficulty(d)")

    # -- what the axes set ---------------------------------------------------------------------------------------------

    def _set(self, moment: When) -> None:
        """Set what is set at this moment; after the environment's reset, make sure that it has kept the rest."""
        for setter, row in self._rows():
            if setter.when == moment:
                setter.set(row)
            elif moment == "after":
                setter.verify(row)

    def _rows(self) -> Iterator[tuple[Setter, FloatArray]]:
        """Every setter with the running episode's difficulties of its axes."""
        first = 0
        for setter in self._setters:
            yield setter, self._current[first : first + len(setter.axes), 0]
            first += len(setter.axes)


def adapt(
    env: gym.Env[Any, Any] | str | Callable[[], gym.Env[Any, Any]],
    axes: Axes,
    *,
    apply: Apply | None = None,
    when: When = "before",
    success: Success = None,
    difficulty: Difficulty = 1.0,
) -> AdaptedEnv:
    """Make a single environment a task with a difficulty.

    Args:
        env: an environment, a function or class that makes one, or a Gymnasium id (``my_package:MyEnv-v0``).
        axes: what difficulty moves, ``{path: {easy, target, scale?, when?}}``; ``target`` is the present value where it
            is left out. A path is an attribute of the innermost environment or of one wrapper, or leads on from it:
            ``settings.wind``, ``model.opt.gravity.2``. An attribute that is a whole number, as easy and target are,
            stays one; write ``10.0`` where fractions are meant.
        apply: ``apply(env.unwrapped, values)`` sets what the axes mean, ``values`` being
            ``{axis: number}``; the axes are then any names, each with easy and target.
        when: whether values are set ``before`` the environment's own reset or ``after`` it; an axis may say its own.
        success: what an episode must reach: ``terminated``, where the aim is the only end; a number, the least return;
            a key of ``info``; a function of an `Episode`; by default ``info["success"]`` or ``info["is_success"]``.
        difficulty: of the first episode, as in ``set_difficulty``.

    Raises:
        UserError: for an axis that names nothing, is no number, cannot be set, or means several places; and for any
            other argument that is not accepted.
    """
    made: Any = gym.make(env) if isinstance(env, str) else env
    if not isinstance(made, gym.Env) and callable(made):
        made = made()
    if not isinstance(made, gym.Env):
        raise UserError(
            f"env is {made!r:.80}; accepted: one Gymnasium environment, an id, or a function that makes one"
        )
    return AdaptedEnv(made, axes, apply=apply, when=when, success=success, difficulty=difficulty)
