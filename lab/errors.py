"""The errors that end a command in one line: a user's mistake, a run that cannot go on, an interruption."""


class UserError(ValueError):
    """A mistake in what was asked for; the command line prints it as one line and exits with status 2."""


class RunError(RuntimeError):
    """A run that could not go on (non-finite loss, full disk, directory in use); exit status 1."""


class Interrupted(KeyboardInterrupt):
    """A run that was asked to stop and did, its state saved; exit status 128 + the signal, as shells expect.

    It is a ``KeyboardInterrupt`` so that ``except Exception`` never takes it for a failed trial.
    """

    def __init__(self, message: str, signum: int) -> None:
        super().__init__(message)
        self.status = 128 + signum
