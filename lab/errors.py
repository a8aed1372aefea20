"""The errors that a user can mend: one line that names the thing, the value, and what is accepted."""


class UserError(ValueError):
    """A mistake in what was asked for; the command line prints it as one line and exits with status 2."""


class RunError(RuntimeError):
    """A run that could not go on (non-finite loss, full disk, directory in use); exit status 1."""
