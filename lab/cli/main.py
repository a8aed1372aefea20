"""The `lab` command: builds the parser, runs one command, turns a user's mistake into one line and exit status 2."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import NoReturn

from lab.cli import COMMANDS
from lab.door.text import one_line
from lab.errors import Interrupted, RunError, UserError

EXAMPLES = """\
examples:
  lab demo                                       both trainers in a few minutes, with a report
  lab schedule gan/presets/ring.yaml             see the schedules before anything is trained
  lab stability --game dirac --modulation 0.8    is a cycle of the learning rates safe?
  lab gan train ring --set steps=2000            train a preset, changed a little
  lab rl train my-run.yaml --name first          train a configuration of your own
  lab runs                                       how far each run is, its best score, what to do next
  lab resume first                               go on where a run was stopped or killed
  lab report first                               one page with figures, tables and provenance

RUN is a path, or a name under results/runs/; $LAB_RESULTS and $LAB_DATA move results and data.
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as every command does."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"lab: {one_line(message)} (see {self.prog} --help)\n")


class _Version(argparse.Action):
    """Prints the version; looked up only when asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"phase-lab {version('phase-lab')}")
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """The whole command line; building it imports neither torch nor matplotlib."""
    root = _Parser(
        prog="lab",
        description="A training laboratory conducted by one master clock.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    subparsers = root.add_subparsers(metavar="COMMAND", required=True)
    for name in COMMANDS:
        import_module(f"lab.cli.{name}").add_parser(subparsers)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 is success, 1 a run that failed, 2 a mistake in what was asked, 128 + n a signal."""
    _prepare_streams()
    args = parser().parse_args(argv)
    try:
        return int(args.run(args) or 0)
    except UserError as error:
        return _say(error, 2)
    except RunError as error:
        return _say(error, 1)
    except Interrupted as stopped:
        return _say(stopped, stopped.status)
    except KeyboardInterrupt:
        return _say("interrupted", 130)
    except BrokenPipeError:  # whoever read our output has gone, as `head` does; Python would complain at exit
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (until the process ends)
        return 141
    except OSError as error:  # the disk's or the system's no; what a command can say more about, it has said itself
        # A name that no file can have was given by the user, wherever it was looked for first.
        status = 2 if error.errno == errno.ENAMETOOLONG else 1
        return _say(f"{one_line(str(error.filename), 200)}: {error.strerror}" if error.filename else error, status)
    except (MemoryError, RuntimeError) as error:
        from lab.training.device import out_of_memory

        if not out_of_memory(error):
            raise
        return _say("out of memory; ask for less at once", 1)


def _say(message: object, status: int) -> int:
    print(f"lab: {one_line(str(message))}", file=sys.stderr)
    return status


def _prepare_streams() -> None:
    """Let nothing that is printed end in a traceback: not a closed stream, nor a letter that its encoding lacks."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed before Python began
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
