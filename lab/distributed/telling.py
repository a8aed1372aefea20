"""How workers tell each other what went wrong in one of them, so that none waits for another that has stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from lab.distributed.group import Group
from lab.errors import RunError, UserError
from lab.training.finite import NonFiniteError

Told: TypeAlias = tuple[Any, Mapping[str, Any]]
"""What work answered, and what went wrong in it: nothing, or the kind of error and what it says, as plain data."""

ERRORS: Mapping[str, Callable[[Mapping[str, Any]], Exception]] = {
    "non_finite": lambda data: NonFiniteError(data["name"], data["step"], data["value"]),
    "run": lambda data: RunError(data["message"]),
    "user": lambda data: UserError(data["message"]),
    "state": lambda data: ValueError(data["message"]),
}
"""What is raised where worker 0 is, by kind."""


def told(work: Callable[[], Any], expected: tuple[type[Exception], ...] = ()) -> Told:
    """Do the work of one worker; an error that the user can understand, or that is expected, is told, not raised."""
    try:
        return work(), {}
    except NonFiniteError as error:
        return None, {"kind": "non_finite", "name": error.name, "step": error.step, "value": error.value}
    except RunError as error:
        return None, {"kind": "run", "message": str(error)}
    except UserError as error:
        return None, {"kind": "user", "message": str(error)}
    except expected as error:
        return None, {"kind": "state", "message": f"{type(error).__name__}: {error}"}


class ToldError(Exception):
    """Something went wrong in a worker, and worker 0's process says what."""


def agreed(group: Group, error: Exception) -> Exception:
    """What a process raises where every process has found the same to be wrong: only worker 0's says what."""
    return error if group.leads else ToldError()


def gathered(
    group: Group, found: Sequence[Told], gather: Callable[[Sequence[Any]], list[Any]] | None = None
) -> list[Any]:
    """What the workers answered: of this process, or what ``gather`` makes of it.

    Raises:
        Exception: one of :data:`ERRORS`, where worker 0 is, if anything went wrong in any worker.
        ToldError: elsewhere, if it went wrong there.
    """
    wrong = [each for each in group.gather([error for _, error in found]) if each]
    if wrong:
        raise ERRORS[wrong[0]["kind"]](wrong[0])
    if any(error for _, error in found):
        raise ToldError
    answers = [answer for answer, _ in found]
    return answers if gather is None else gather(answers)
