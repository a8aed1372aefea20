"""What a trainer is to the rest of the laboratory: a state that advances, and a plug-in that announces it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Protocol

from lab.training.share import Share

if TYPE_CHECKING:
    import argparse

    import torch

    from lab.training.config import RunConfig
    from lab.training.findings import Watch
    from lab.training.initial import Initial


@dataclass(frozen=True)
class Context:
    """What the laboratory hands to a trainer when it is built.

    Attributes:
        device: where tensors live, already resolved from the configuration's ``auto``.
        data_dir: where data sets lie or are downloaded to.
        snapshots: an existing directory of the run for samples and the like.
        event: appends one line to the run's ``events.jsonl``: ``event(kind, step, **data)``, data being JSON values.
        initial: weights of another run to begin with; a trainer calls its ``load`` once its networks are drawn and
            before anything is made of them (optimisers may have been, averages may not). None where there are none.
        share: the part of every batch that the trainer learns from, where it is one of several workers.
    """

    device: torch.device
    data_dir: Path
    snapshots: Path
    event: Callable[..., None]
    initial: Initial | None = None
    share: Share = field(default_factory=Share)


def unheard(kind: str, step: int, **data: Any) -> None:
    """The ``event`` of a trainer whose events nobody writes down."""


class Advancing(Protocol):
    """What trains until a step: a trainer, or a stack of several."""

    def advance(self, until: int) -> None:
        """Train until the step is ``until``."""


class Trainer(Advancing, Protocol):
    """One run's live state. Every number it returns is a pure function of configuration, device and step.

    A trainer that keeps a ``FiniteWatch`` calls its ``check`` first thing in ``metrics`` and in ``state_dict``, so that
    nothing after a NaN is logged or saved.
    """

    step: int

    def advance(self, until: int) -> None:
        """Train until ``self.step >= until``; overshoot only where a step cannot be divided (a rollout).

        The loop calls it in portions that fit the clock on the wall: how a stretch of steps is divided into calls must
        not matter.
        """

    def metrics(self) -> dict[str, float]:
        """Training quantities since the last call (means), and the clock's state: one row of the metrics log.

        Leave out what is undefined: a value that is not finite stops the run.
        """

    def evaluate(self) -> dict[str, float]:
        """Scores at this step, as keys ``evaluation/…``; changes nothing that training depends on."""

    def state_dict(self) -> dict[str, Any]:
        """All that resuming needs, as a tree of dicts, lists, tensors, arrays and JSON values.

        Each top-level key that holds tensors becomes a file ``<key>.safetensors``. It may be asked for between two
        calls of ``metrics`` (Ctrl-C): sums for the next row belong to it.
        """

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what ``state_dict`` returned; the continuation is then bit-identical on a CPU."""


class Sharing(Trainer, Protocol):
    """A trainer that can be one of several workers (:mod:`lab.distributed`), which minds ``context.share``."""

    def models(self) -> Mapping[str, torch.nn.Module]:
        """The networks that learn, by the names under which ``state_dict`` has them."""

    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        """What moves them; each moves its parameters by one ``step`` or several in a step of the trainer."""

    def followers(self) -> Sequence[torch.Tensor]:
        """What follows the networks' weights, such as a moving average: tensors that are averaged as these are."""


class Stacks(Protocol):
    """How trainers of several runs advance as one program; :mod:`gan.stack` has these two functions."""

    def stack_key(self, config: Any) -> str | None:
        """Runs of equal keys can be stacked; None for a run that cannot."""

    def stack(self, trainers: Sequence[Any]) -> Advancing:
        """What advances trainers of one key that stand at one step, each to the state it would have reached alone.

        Each is scored, saved and left out of the next stack as if it were alone. ``advance(until)`` ends at ``until``.
        """


class TrainerPlugin(Protocol):
    """What an entry point of the group ``phaselab.trainers`` names. Importing its module must stay cheap (no torch).

    Any object with these members is one; :class:`LatePlugin` has them for a trainer whose parts are told by name. One
    that has ``bench(short) -> dict`` as well is measured by ``lab bench NAME``, which says what the dict holds. One
    that also has ``bench_devices``, the first of them the default, is asked for ``bench(short, device)``. It may have
    ``bench_diagnostics``, called as ``bench``, for ``lab bench NAME --diagnostics``: what it costs to record them.

    It may have ``benches``, by the word of ``lab bench WORD`` a line of help and a function called as ``bench``.

    One that has ``arms``, words of variants of any configuration of its, and ``arrange(config, arm)``,
    which answers with an arm's changes as ``--set`` would make them, offers them as ``--arm``.

    It may also have ``lower_is_better``, the columns of the metrics log of which less is better (distances, errors); of
    all others, and where it has no such attribute, more is.

    It may name columns of its log: as ``dynamics`` the losses and outputs whose swings a report speaks of in its
    section *Stability*, losses (``loss/…``) also against each schedule; as ``portrait`` the two that a phase portrait
    shows.

    It may have ``figure_names``, the names of its figures; then ``figures(runs, out, only)`` takes the names of those
    to draw, and ``lab plot --only`` offers each.

    It may have ``frames(run, out)``, which draws what a run made at many moments of its training into a folder, for a
    page to show one after the other; it returns ``lab.reports.blocks.Frame`` records. Without one, or where it is None,
    there are none.

    And it may have ``findings(columns, config)``, the signs of trouble in a metrics log
    (:data:`lab.training.findings.Watch`): each is told once while a run trains, and all of them in its report.
    Without one, or where it is None, nobody looks.

    It may have ``federated``, as ``package.module`` or ``package.module:name`` what a
    :class:`lab.training.local.Federates` is: then clients can train its networks. One that trains others' networks has
    ``presets_of``, the name of such an attribute: presets of those that have it are its own too, as ``NAME/PRESET``.

    It may have ``shares``: whether its trainer is a :class:`Sharing`, so that `lab distributed train` takes its
    presets.

    It may have ``add_train_options(parser)`` and ``sets(args)``, options of its own for `lab NAME train` and what they
    change as ``--set`` would; ``take_part(args, config, preset)``, which trains a new run where another launcher
    started this process, and ``launch(run, words)``, which trains a run in other processes, with these words of the
    command line: each returns an exit status, or None where the run is to be trained in this process as any other.

    And it may have ``stacks``, a :class:`Stacks`: then ``lab study --engine stacked`` trains several runs in a process.
    Without one, or where it is None, every run has a process of its own.
    """

    name: str
    """The word on the command line: ``lab NAME train …``."""
    summary: str
    """One line for ``lab --help``."""
    presets: Path
    """The directory of the shipped YAML presets."""
    step_unit: str
    """What one step is, for axis labels: "generator update", "environment step"."""
    headline: Sequence[str]
    """Columns of the metrics log that a progress line shows, most important first."""

    def config_type(self) -> type[RunConfig]:
        """The trainer's configuration model."""

    def build(self, config: Any, context: Context) -> Trainer:
        """A trainer at step 0."""

    def add_commands(self, subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        """Add the trainer's own commands (sample, evaluate, …) beside ``train``; each sets ``run=callable(args)``."""

    def figures(self, runs: Sequence[Path], out: Path, *only: Sequence[str]) -> list[Any]:
        """Draw the trainer's own figures of these runs into ``out``; return ``lab.reports.style.Saved`` records."""


@dataclass(frozen=True, kw_only=True)
class LatePlugin:
    """A plug-in that knows where its parts stand, as ``package.module:name``, and imports one when it is asked for.

    Attributes:
        name, summary, presets, step_unit, headline: as :class:`TrainerPlugin` says.
        config: the configuration model.
        trainer: what makes a trainer, called with configuration and context.
        commands: the function that adds the trainer's own commands.
        draw: the function that draws its figures.
        drawn: their names, as of a mapping; ``draw`` then takes, as a third argument, the names of those to draw.
        moments: the function of a run's directory and a folder that draws what it made at many moments.
        measure: the function that measures its speed; it takes ``short``, and a device where there is a choice.
        bench_devices: where it measures, ``cpu`` first.
        measure_diagnostics: the function that measures what its diagnostics cost, called as ``measure``.
        measure_more: by the word of ``lab bench WORD``, a line of help and a function that measures something else.
        lower_is_better: columns of the metrics log of which less is better.
        dynamics: those whose swings a report speaks of.
        portrait: the two of them that span the phase portrait, none where it would say nothing.
        arms: words of variants of any configuration.
        arranged: the function of a configuration and one of these words that says what it changes.
        watch: the function that finds signs of trouble in a metrics log; without one nothing is found.
        stacked: the module, or the object in one, that has the functions of :class:`Stacks`.
        federated: the module, or the object in one, that has the functions of :class:`lab.training.local.Federates`.
        presets_of: the attribute of those plug-ins whose presets are this one's too.
        inner: the function of a run's plain data that names the trainer whose networks it has; its own without one.
        options: the module that has ``add_train_options`` and ``sets``.
        shares: whether the trainer is a :class:`Sharing`.
        stability: the function that ``lab stability RUN`` calls: of a run, of whether its whole cycle is measured, and
            of the modulation, period and offset that are asked about (None: the run's own).
    """

    name: str
    summary: str
    presets: Path
    step_unit: str
    headline: Sequence[str]
    config: str
    trainer: str
    commands: str
    draw: str
    measure: str
    bench_devices: Sequence[str] = ("cpu",)
    measure_diagnostics: str = ""
    measure_more: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    lower_is_better: Sequence[str] = ()
    dynamics: Sequence[str] = ()
    portrait: Sequence[str] = ()
    arms: Sequence[str] = ()
    arranged: str = ""
    drawn: str = ""
    moments: str = ""
    watch: str = ""
    stacked: str = ""
    stability: str = ""
    federated: str = ""
    presets_of: str = ""
    inner: str = ""
    options: str = ""
    shares: bool = False

    @property
    def modules(self) -> Sequence[str]:
        """What it trains by, beside its configuration."""
        places = (self.trainer, self.federated)
        return [place.partition(":")[0] for place in places if place]

    def config_type(self) -> type[RunConfig]:
        """The trainer's configuration model."""
        found: type[RunConfig] = resolve_name(self.config)
        return found

    def build(self, config: Any, context: Context) -> Trainer:
        """A trainer at step 0."""
        built: Trainer = resolve_name(self.trainer)(config, context)
        return built

    def add_commands(self, subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        """Add the trainer's own commands beside ``train``."""
        resolve_name(self.commands)(subparsers)

    def add_train_options(self, parser: argparse.ArgumentParser) -> None:
        """Add its own options of ``train``."""
        if self.options:
            resolve_name(self.options).add_train_options(parser)

    def sets(self, args: argparse.Namespace) -> list[str]:
        """What these options change."""
        return list(resolve_name(self.options).sets(args)) if self.options else []

    def figures(self, runs: Sequence[Path], out: Path, only: Sequence[str] = ()) -> list[Any]:
        """Draw the trainer's own figures of these runs into ``out``, or only those of some names."""
        return list(resolve_name(self.draw)(runs, out, *([only] if only else [])))

    @property
    def figure_names(self) -> Sequence[str]:
        """The names of its figures; none where it does not tell them apart."""
        return tuple(resolve_name(self.drawn)) if self.drawn else ()

    def arrange(self, config: Any, arm: str) -> dict[str, Any]:
        """What an arm changes in a configuration, as ``--set`` would."""
        return dict(resolve_name(self.arranged)(config, arm))

    def bench(self, short: bool = False, device: str = "cpu") -> dict[str, Any]:
        """Its speed against a plain script, for ``lab bench``."""
        return self._measured(self.measure, short, device)

    @property
    def bench_diagnostics(self) -> Callable[..., dict[str, Any]] | None:
        """What its diagnostics cost, for ``lab bench``; None where it has none."""
        return partial(self._measured, self.measure_diagnostics) if self.measure_diagnostics else None

    @property
    def benches(self) -> Mapping[str, tuple[str, Callable[..., dict[str, Any]]]]:
        """What else of it can be measured."""
        return {
            word: (summary, lambda short=False, name=name: dict(resolve_name(name)(short)))
            for word, (summary, name) in self.measure_more.items()
        }

    def _measured(self, function: str, short: bool = False, device: str = "cpu") -> dict[str, Any]:
        choice = (device,) if len(self.bench_devices) > 1 else ()
        return dict(resolve_name(function)(short, *choice))

    @property
    def frames(self) -> Callable[[Path, Path], Sequence[Any]] | None:
        """What draws a run at many moments of its training; None where nothing does."""
        return resolve_name(self.moments) if self.moments else None

    @property
    def findings(self) -> Watch | None:
        """The function that finds signs of trouble in a metrics log; None where the trainer has none."""
        return resolve_name(self.watch) if self.watch else None

    @property
    def measured_stability(self) -> Callable[..., Any] | None:
        """What measures the stability of a run; None where its trainer plays no game."""
        return resolve_name(self.stability) if self.stability else None

    @property
    def networks_of(self) -> Callable[[Mapping[str, Any]], str] | None:
        """What names the trainer whose networks a run has; None where it is this one."""
        return resolve_name(self.inner) if self.inner else None

    @property
    def stacks(self) -> Stacks | None:
        """How runs advance together; None where they cannot."""
        return resolve_name(self.stacked) if self.stacked else None


def stacks_of(plugin: TrainerPlugin) -> Stacks | None:
    """How a trainer's runs advance together, if its plug-in says so."""
    return getattr(plugin, "stacks", None)
