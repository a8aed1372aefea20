"""`lab stability`: what one cycle of two learning rates does to a reference game or to a run, and safe periods."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lab.cli.options import add_json_option, add_results_option, chosen_run
from lab.errors import UserError

if TYPE_CHECKING:
    from lab.diagnostics.floquet import Floquet, Method
    from lab.diagnostics.games import Game
    from lab.diagnostics.stability import SafePeriods
    from lab.training.run import Run

GAMES = ("bilinear", "quadratic", "dirac")
LOSSES = ("non_saturating", "minimax", "wasserstein", "least_squares")
CYCLE = {"modulation": 0.0, "period": 100, "offset": 0.0}
"""What says which cycle is asked about, and what it is of a game where it is not told."""
OF_GAMES = {"lr": 0.1, "damping": 0.0, "gamma": 0.0, "updates": "alternating", "momentum": 0.0}
"""What only a game is asked with, and what it is where it is not told."""
LARGEST, LONGEST = 1e6, 1_000_000
"""Of rates and weights, so that no step is beyond float64; and of a period, so that its product takes seconds."""


def _real(accepted: str, least: float = -LARGEST, above: bool = False, most: float = LARGEST) -> Callable[[str], float]:
    """An argument's type: a number from ``least``, or above it, to ``most``."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most or (above and value == least):
            raise argparse.ArgumentTypeError(f"{text!r} is not accepted; expected {accepted}")
        return value

    return read


def _period(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not accepted; expected whole steps from 1 to {LONGEST}")
    return value


def _momentum(text: str) -> float:
    value = _real("a number above -1 and below 1", -1.0, above=True, most=1.0)(text)
    if value == 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not accepted; expected a number above -1 and below 1")
    return value


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``lab stability`` to the command line."""
    parser = subparsers.add_parser(
        "stability",
        help="does a cycle of the learning rates make a game unstable, and which periods are safe?",
        description="Of a RUN: the spectrum of its game at the newest checkpoint, what its own cycle does to a small "
        "deviation, and which periods are safe. Of a --game: Floquet multipliers of one cycle. Both players' rates are "
        "L·(1 + M·cos 2π(t/P + offset)): the offset is the generator's, the discriminator's is 0, and the generator is "
        "updated first. A small deviation from the equilibrium grows by growth_per_step at every step.",
    )
    weight = _real(f"a number from 0 to {LARGEST:g}", 0.0)
    add = parser.add_argument
    add("chosen", nargs="?", metavar="RUN", help="a run directory, or the name of one under runs/ of the results")
    add("--cycle", action="store_true", help="of a RUN: also measure its whole next cycle, which takes minutes")
    add("--keep", action="store_true", help="of a RUN: also write stability.json into it, for its figures and report")
    add_results_option(parser)
    add("--game", choices=GAMES, help="bilinear: xy; quadratic: MU·x²/2 + xy − MU·y²/2; dirac: Dirac-GAN")
    add("--lr", type=_real(f"a number from {1 / LARGEST:g} to {LARGEST:g}", 1 / LARGEST), metavar="L",
        help="mean rate of both players (default 0.1)")  # fmt: skip
    add("--modulation", type=weight, metavar="M",
        help="of both rates; above 1 they turn negative (default: a RUN's own, 0 of a --game)")  # fmt: skip
    add("--period", type=_period, metavar="P", help="steps a cycle (default: a RUN's own, 100 of a --game)")
    add("--offset", type=_real(f"a number from {-LARGEST:g} to {LARGEST:g}"), metavar="O",
        help="of the generator's cycle, in cycles ahead: 0.25 quadrature, 0.5 anti-phase (default: a RUN's own, 0 of a "
        "--game)")  # fmt: skip
    add("--damping", type=weight, metavar="MU", help="of both players (default 0)")
    add("--gamma", type=weight, metavar="G", help="weight of R1 in the Dirac-GAN (default 0)")
    add("--loss", choices=LOSSES, default=None, help="of the Dirac-GAN (default non_saturating)")
    add("--updates", choices=("alternating", "simultaneous"),
        help="whether the discriminator sees the generator's new state (default alternating)")  # fmt: skip
    add("--momentum", type=_momentum, metavar="BETA", help="of both players, may be negative (default 0)")
    add("--map", metavar="FILE.png", help="also draw growth over period, offset and modulation")
    add_json_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compute, draw where asked, and answer."""
    if (args.chosen is None) == (args.game is None):
        raise UserError("one of RUN and --game is expected: lab stability my-run, or lab stability --game dirac")
    if args.game is not None and args.cycle:
        raise UserError("--cycle: it is of a RUN; the cycle of a --game is always whole")
    if args.game is not None and args.keep:
        raise UserError("--keep: it is of a RUN; a --game has no directory to keep anything in")
    return _of_run(args) if args.game is None else _of_game(args)


def _of_run(args: argparse.Namespace) -> int:
    from lab.training.plugins import trainer

    if told := [name for name in (*OF_GAMES, "loss") if getattr(args, name) is not None]:
        raise UserError(f"--{told[0]}: it is of a --game; a RUN has its own")
    run = chosen_run(args)
    measure = getattr(trainer(run.trainer), "measured_stability", None)
    if measure is None:
        raise UserError(f"run {run.name}: trained by {run.trainer!r}, which is no game of two players")
    found = measure(run, args.cycle, {name: getattr(args, name) for name in CYCLE})
    if args.keep:
        _keep(run, found)
    drawn = _draw_run(run.name, found, args.map) if args.map is not None else None
    if args.json:
        print(json.dumps(found.to_json() | ({"map": drawn} if drawn else {}), indent=2, allow_nan=False))
    else:
        print("\n".join(found.lines() + ([f"map: {drawn}"] if drawn else [])))
    return 0


def _draw_run(name: str, found: Any, out: str) -> str:
    from pathlib import Path

    from lab.reports.stability import Setting, save

    foretold = found.foretold
    if foretold is None or foretold.cycle is None:
        raise UserError(f"--map: there is nothing to draw, since {found.unsaid}")
    cycle = foretold.cycle
    setting = Setting(1.0, cycle.modulation, cycle.period, cycle.offset)
    title = f"{name}: what turns at step {found.spectrum.step:,}"
    return str(save(foretold.game, setting, foretold.method, Path(out), title))


def _keep(run: Run, found: Any) -> None:
    from lab.reports.measured import FILE
    from lab.training.files import replace_file

    replace_file(run.path / FILE, (json.dumps(found.to_json(), indent=1, allow_nan=False) + "\n").encode())


def _of_game(args: argparse.Namespace) -> int:
    from lab.diagnostics.floquet import Method, cosine_rates, floquet
    from lab.diagnostics.stability import natural_period, safe_periods

    for name, usual in (CYCLE | OF_GAMES).items():
        if getattr(args, name) is None:
            setattr(args, name, usual)
    game, method = game_of(args), Method(args.updates, args.momentum)
    generator, discriminator = cosine_rates(args.lr, args.modulation, args.period, [args.offset, 0.0])
    found = floquet(game, generator, discriminator, method)
    safe = safe_periods(game, args.lr, args.modulation, args.offset, method)
    drawn = _draw(game, args, method) if args.map is not None else None
    if args.json:
        record = _record(args, found, safe, natural_period(game, args.lr, method))
        print(json.dumps(record | ({"map": drawn} if drawn else {}), indent=2, allow_nan=False))
        return 0
    print(_text(found, safe, natural_period(game, args.lr, method)))
    if drawn:
        print(f"map: {drawn}")
    return 0


def game_of(args: argparse.Namespace) -> Game:
    """The game that the arguments name; one that it does not have is refused unless it is 0."""
    from lab.diagnostics.games import Bilinear, Dirac, Quadratic

    if args.game == "dirac":
        return Dirac(args.gamma, args.loss or "non_saturating", args.damping)
    if args.gamma != 0.0:
        raise UserError(f"--gamma: {args.gamma!r} is not accepted with --game {args.game}; expected 0, or --game dirac")
    if args.loss is not None:
        raise UserError(f"--loss: {args.loss!r} is not accepted with --game {args.game}; expected --game dirac")
    return (Bilinear if args.game == "bilinear" else Quadratic)(args.damping)


def _draw(game: Game, args: argparse.Namespace, method: Method) -> str:
    from pathlib import Path

    from lab.reports.stability import Setting, save

    if args.modulation == 0.0:
        raise UserError("--map: with --modulation 0.0 there is no cycle to draw; expected a modulation above 0")
    setting = Setting(args.lr, args.modulation, args.period, args.offset)
    title = f"{_name(args)}, mean rate {args.lr:g}, {args.updates} updates"
    return str(save(game, setting, method, Path(args.map), title))


def _name(args: argparse.Namespace) -> str:
    weights = [f"μ = {args.damping:g}"] if args.damping else []
    weights += [f"γ = {args.gamma:g}"] if args.gamma else []
    weights += [f"momentum {args.momentum:g}"] if args.momentum else []
    name = {"bilinear": "Bilinear game", "quadratic": "Quadratic game", "dirac": "Dirac-GAN"}[args.game]
    return ", ".join([name, *weights])


def _record(args: argparse.Namespace, found: Floquet, safe: SafePeriods, turn: float) -> dict[str, Any]:
    asked = ("game", "lr", "modulation", "period", "offset", "damping", "gamma", "loss", "updates", "momentum")
    return {
        **{name: getattr(args, name) for name in asked},
        "growth_per_step": found.growth_per_step,
        "multipliers": [[_finite(value.real), _finite(value.imag)] for value in found.multipliers.tolist()],
        "verdict": found.verdict,
        "natural_period": _finite(turn),
        "safe_periods": {"low": safe.low, "high": safe.high, "why": safe.why},
    }


def _finite(value: float) -> float | None:
    """None where there is no number: JSON has no infinity."""
    return value if math.isfinite(value) else None


def _text(found: Floquet, safe: SafePeriods, turn: float) -> str:
    multipliers = ", ".join(_complex(value) for value in found.multipliers.tolist())
    periods = "none" if safe.low is None or safe.high is None else f"{safe.low} to {safe.high} steps"
    if safe.low is not None and safe.high is not None and not safe.low <= found.period <= safe.high:
        periods += f" ({found.period} is not among them)"
    rotation = f"{turn:.1f} steps a rotation at constant rates" if math.isfinite(turn) else "does not turn"
    percent = f"{100 * abs(found.growth_per_step):.4g} %"
    change = {
        "stable": f"shrinks by {percent} a step",
        "neutral": "stays as it is",
        "unstable": f"grows by {percent} a step",
    }
    return "\n".join(
        [
            f"{found.verdict}: a deviation {change[found.verdict]}",
            f"multipliers of one cycle of {found.period} steps: {multipliers}",
            f"game: {rotation}",
            f"safe periods: {periods}: {safe.why}",
        ]
    )


def _complex(value: complex) -> str:
    return f"{value.real:.6g}" if value.imag == 0.0 else f"{value.real:.6g}{value.imag:+.6g}i"
