"""`lab region map`: draws the maps of a study's arms as it states them, from its trials.csv."""

from __future__ import annotations

import argparse

from lab.cli import options
from lab.errors import UserError


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    drawn = subparsers.add_parser("map", help="map where the arms of a study train")
    drawn.add_argument("study", metavar="STUDY", help="the name of a study under results/")
    options.add_results_option(drawn)
    drawn.set_defaults(run=draw_map)


def draw_map(args: argparse.Namespace) -> int:
    """Draw ``figures/region.png`` of the study, by the cells and the success that it states."""
    from gan.region.config import RegionConfig
    from gan.region.figures import save_maps
    from lab.studies.model import load_study
    from lab.studies.store import Store
    from lab.studies.trials import plan
    from lab.training import plugins
    from lab.training.paths import results_root

    place = results_root(args.results) / args.study
    finished = [trial for trial in Store(place).trials() if trial.status == "finished"]
    if not finished or not any(name.startswith("good@") for name in finished[0].scores):
        raise UserError(f"{place}: no finished trial of a region is in its trials.csv")
    study = load_study(place / "study.yaml")
    first = plan(study, plugins.trainer(study.trainer), place)[0].config
    assert isinstance(first, RegionConfig)
    found = {arm: [t.scores for t in finished if t.arm == arm] for arm in dict.fromkeys(t.arm for t in finished)}
    saved = save_maps(found, first.region, place / "figures")
    print(f"{saved.alt}\n{saved.path}")
    return 0
