"""A run's metrics in Weights & Biases."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from lab.door.files import read_text
from lab.training.files import replace_file
from lab.training.mirrors.mirror import Mirror

if TYPE_CHECKING:
    from lab.training.run import Run

PROJECT = "phase-lab"
"""Where WANDB_PROJECT names no other."""
PATIENCE = 30.0
"""Seconds for which W&B may hold the run up, as it begins and as it ends."""
QUIET: dict[str, Any] = {
    "silent": True,
    "console": "off",
    "save_code": False,
    "disable_code": True,
    "disable_git": True,
    "label_disable": True,  # reads the program's source
    "symlink": False,
    "use_dot_wandb": False,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_disable_machine_info": True,
    "x_save_requirements": False,
}
"""W&B gets the configuration and the rows, and neither prints nor collects anything else."""


class WeightsAndBiases(Mirror):
    """One W&B run under the run's name, in the project WANDB_PROJECT or ``phase-lab``; WANDB_MODE=offline needs no net.

    W&B takes no row back, but a run that is begun again under its id, not resumed, begins with an empty history: it is
    written anew from the log by every process, and shows no row twice and none that was cut off.
    """

    name = "wandb"
    program = "Weights & Biases"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._mirrored = run
        self._wandb: Any = None
        self._shown: Any = None
        self._view = ""

    @staticmethod
    def load() -> None:
        """Import W&B."""
        from wandb import init  # noqa: F401  # named, for any folder "wandb" where the user stands can be imported

    def begin(self) -> None:
        """Begin the W&B run, the first time or again."""
        import wandb

        self._wandb = wandb
        self.folder.mkdir(exist_ok=True)
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        settings = wandb.Settings(
            **QUIET,
            reinit="create_new",
            init_timeout=PATIENCE,
            finish_timeout=PATIENCE,
            finish_timeout_raises=True,
            stop_fn=lambda: None,  # a button on W&B's page would interrupt the run
        )
        mode = wandb.setup(settings).settings.mode
        if mode != "offline" and not wandb.login(prompt=False, verify=False):  # init would wait for somebody's key
            raise RuntimeError(f"W&B is {mode}, and nobody is logged in ('wandb login')")
        name, config = self._mirrored.name, self._mirrored.config
        project, own = os.environ.get("WANDB_PROJECT") or PROJECT, self._id()
        place = self.folder.parent.absolute()
        self._shown = wandb.init(project=project, id=own, name=name, config=config, dir=place, settings=settings)
        files_at = Path(self._shown.dir).parent
        self._view = f"wandb sync {shlex.quote(str(files_at))}" if self._shown.offline else str(self._shown.url)
        for old in self.folder.glob(f"*run-*-{own}*"):
            if old.name != files_at.name:
                shutil.rmtree(old)  # or 'wandb sync' would send what it holds as well

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Log the rows, each at its step."""
        for row in rows:
            values = {name: value for name, value in row.items() if name != "step"}
            self._shown.log(values, step=row["step"], commit=True)

    def close(self) -> None:
        """Finish the W&B run, as failed where an exception ends the run, and W&B's own process."""
        wandb, shown, self._wandb, self._shown = self._wandb, self._shown, None, None
        if wandb is None:
            return
        try:
            if shown is not None:
                shown.finish(exit_code=int(sys.exc_info()[0] is not None))
        finally:
            with suppress(SystemExit):  # with this W&B tells that its process failed
                wandb.teardown()

    @property
    def view(self) -> str:
        """Its page, or the command that sends it there."""
        return self._view

    def _id(self) -> str:
        """The W&B run's id: kept with the mirror, for names of runs are not unique in a project."""
        path = self.folder / "id"
        if not path.exists():
            replace_file(path, token_hex(8).encode())
        return read_text(path, 100)
