"""The figure of a study's score against the interval between averages."""

import json
from pathlib import Path
from typing import Any

import pytest

from lab.cli.main import main
from lab.distributed.intervals_figure import intervals_figure, lines_of
from lab.door.yamls import dump_yaml
from lab.reports.study import read_study
from lab.studies.model import Study, study_of
from lab.studies.result import TrialResult
from lab.studies.summary import summarise

RULE = {"follow": "lr", "relation": "constant_product", "power": 2, "product": 0.06, "low": 32, "high": 2048}
ARMS: dict[str, dict[str, Any]] = {
    "decay-8": {"voices.lr": 0.05, "voices.sync_every": 8},
    "offset-8": {"workers.offsets": "spread", "voices.sync_every": 8},
    "decay-64": {"voices.lr": 0.05, "voices.sync_every": 64},
    "offset-64": {"workers.offsets": "spread"},
    "quadratic-64": {"voices.lr": 0.05, "voices.sync_every": RULE},
}
AVERAGES = {"decay-8": 256, "offset-8": 256, "decay-64": 32, "offset-64": 32, "quadratic-64": 29}
SCORES = {"decay-8": 0.9, "offset-8": 0.89, "decay-64": 0.88, "offset-64": 0.86, "quadratic-64": 0.9}


def written(results: Path, arms: dict[str, dict[str, Any]] = ARMS, averages: bool = True) -> tuple[Study, Path]:
    """A study that has ended."""
    mapping = {
        "name": "workers", "title": "Workers", "hypothesis": "It matters.", "trainer": "distributed",
        "preset": "supervised/fashion-mnist", "seeds": [0, 1, 2], "set": {"voices": {"sync_every": 64}}, "arms": arms,
        "metric": "accuracy.last", "direction": "higher", "compare": [["offset-64", "decay-64"]],
        "columns": ["averages.last"] if averages else [],
    }  # fmt: skip
    study = study_of(mapping)
    trials = [
        TrialResult(
            arm, seed, "finished", scores={"accuracy.last": SCORES[arm] + 0.01 * seed, "averages.last": AVERAGES[arm]}
        )
        for arm in arms
        for seed in study.seeds
    ]
    path = results / "workers"
    path.mkdir(parents=True)
    (path / "study.yaml").write_text(dump_yaml(mapping))
    (path / "summary.json").write_text(json.dumps(summarise(study, trials).to_json()))
    return study, path


def test_arms_that_differ_in_the_interval_alone_are_one_line(tmp_path: Path) -> None:
    stated, path = written(tmp_path)
    study = read_study(path)
    lines = lines_of(stated, study)
    assert [(line.name, list(line.arms)) for line in lines] == [
        ("decay", ["decay-8", "decay-64"]),
        ("offset", ["offset-8", "offset-64"]),
        ("quadratic-64", ["quadratic-64"]),
    ]
    scores, differences = intervals_figure(study, lines, lines[0]).axes
    by_name = {line.get_label(): line for line in scores.get_lines()}
    assert by_name["offset"].get_ydata() == pytest.approx([0.9, 0.87])
    assert by_name["decay"].get_xdata() == pytest.approx([256, 32], rel=0.1)
    apart = {line.get_label(): line for line in differences.get_lines()}
    assert apart["offset"].get_ydata() == pytest.approx([-0.01, -0.02])
    assert apart["quadratic-64"].get_ydata() == pytest.approx([0.02]), "beside the control averaged about as often"
    assert "decay" not in apart, "the control is the line at 0"


def test_the_command_draws_it(tmp_path: Path, capsys: Any) -> None:
    _, path = written(tmp_path)
    assert main(["distributed", "intervals", "workers", "--results", str(tmp_path)]) == 0
    picture = path / "figures" / "intervals.png"
    assert capsys.readouterr().out.strip() == str(picture)
    assert picture.stat().st_size > 20_000


@pytest.mark.parametrize(
    ("arms", "averages", "told"),
    [
        (ARMS, False, "not all arms have the column 'averages.last'"),
        ({arm: ARMS[arm] for arm in ("decay-64", "offset-64")}, True, "no two of its arms differ in voices.sync_every"),
    ],
)
def test_a_study_that_has_no_such_lines_is_told_so(
    tmp_path: Path, capsys: Any, arms: dict[str, dict[str, Any]], averages: bool, told: str
) -> None:
    written(tmp_path, arms, averages)
    assert main(["distributed", "intervals", "workers", "--results", str(tmp_path)]) == 2
    assert told in capsys.readouterr().err
    assert main(["distributed", "intervals", "none", "--results", str(tmp_path)]) == 2
