"""Every preset is an arm of the study that its header quotes, number for number."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from gan.region.config import RegionConfig
from lab.studies.model import Study, find_study, load_study
from lab.studies.trials import plan
from lab.training.config import RunConfig, load_yaml, resolve
from lab.training.plugins import preset_names, preset_path, trainer

ROOT = Path(__file__).resolve().parent.parent
TRAINERS = ("gan", "rl", "supervised", "distributed", "federated")
PRESETS = [(name, preset) for name in TRAINERS for preset in preset_names(trainer(name))]
EXPERIMENTS = {"ring-quadrature"}
"""Presets to look at phases with, which do not claim to be the best."""
MEASURED = ("fashion-mnist", "fashion-mnist-snapshots", "hard-data", "sparse-mnist", "split-mnist")
NOT_YET = {
    "gan": ("cifar10-sngan", "stacked-mnist-pacgan"),
    "supervised": [word for word in preset_names(trainer("supervised")) if word not in MEASURED],
    "distributed": ("offset-workers",),
}
UNTUNED = {(name, preset) for name, presets in NOT_YET.items() for preset in presets}
"""Presets that no study has tuned; their headers say so."""
NEEDS = {"lunar-lander-wind": "Box2D", "bipedal-walker": "Box2D", "hopper": "mujoco", "door-key": "minigrid"}
"""Presets whose task is behind an extra -> a module of it."""
ANY_DATA = {"folder": "cifar10"}
"""GAN presets for whatever data a user has -> the preset that was tuned, on data that everybody can have."""
EVERY = {"log_every", "evaluate_every", "checkpoint_every", "snapshot_every"}
LENGTH = {"steps", "clock", "curvature", "diagnostics", "device"} | EVERY
"""How long, how often, where, and what is measured besides: what a preset may choose for itself."""
CHOSEN = "<- this preset"


def header(name: str, preset: str) -> list[str]:
    lines = preset_path(trainer(name), preset).read_text().splitlines()
    return [line for line in lines if line.startswith("#")]


def table(lines: list[str]) -> dict[str, str]:
    """Arm -> the rest of its line, of the table in a header."""
    start = next(place for place, line in enumerate(lines) if re.match(r"#   arm\b", line))
    rows = [line[4:].partition(" ") for line in lines[start + 1 :] if line.startswith("#   ")]
    return {arm: rest for arm, _, rest in rows if re.search(r"\d \[", rest)}


def settings(name: str, preset: str) -> RunConfig:
    return resolve(trainer(name).config_type(), load_yaml(preset_path(trainer(name), preset)))


def at_cell(config: RegionConfig, lines: list[str]) -> RunConfig:
    """The GAN of the cell that a header names."""
    name = re.search(r"the cell (\S+x\d+)", " ".join(lines))
    assert name, "its header names the cell"
    (cell,) = [cell for cell in config.region.cells() if cell.name == name[1]]
    member = config.of_member()
    for player, scale in cell.scale().items():
        voice = member.voices[f"lr.{player}"]
        voice.update({end: float(f"{voice[end] * scale:.12g}") for end in ("low", "high")})
    return member


def study_of(name: str, preset: str) -> Study:
    found = re.search(r"`lab study ([\w-]+)`", " ".join(header(name, preset)))
    assert found, "its header names the study that it comes from"
    return load_study(find_study(found[1]))


tuned = pytest.mark.parametrize(
    ("name", "preset"),
    [pair for pair in PRESETS if pair[1] not in EXPERIMENTS | ANY_DATA.keys() and pair not in UNTUNED],
)


@tuned
def test_a_preset_is_the_arm_that_its_header_names(name: str, preset: str, tmp_path: Path) -> None:
    if preset in NEEDS:
        pytest.importorskip(NEEDS[preset])
    lines, study = header(name, preset), study_of(name, preset)
    (chosen,) = [arm for arm, rest in table(lines).items() if CHOSEN in rest]
    trial = next(trial for trial in plan(study, trainer(study.trainer), tmp_path) if trial.arm == chosen)
    arm = at_cell(trial.config, lines) if isinstance(trial.config, RegionConfig) else trial.config
    own = LENGTH | {"data"} if study.preset in ANY_DATA else LENGTH
    assert settings(name, preset).model_dump(exclude=own) == arm.model_dump(exclude=own)
    assert f"{trial.config.steps:,} steps" in " ".join(lines), "its header says how long the study trained"


@tuned
def test_a_header_has_its_studys_numbers(name: str, preset: str) -> None:
    lines, study = header(name, preset), study_of(name, preset)
    rows = table(lines)
    assert set(rows) <= set(study.arms)
    assert re.search(r"# Measured: .+ GB of memory, on one core", "\n".join(lines)), "its header says what it costs"
    page = (ROOT / "results" / study.name / "summary.md").read_text()
    found: dict[str, str] = defaultdict(str)
    for line in page.splitlines():
        if line.startswith("|"):
            found[line.split("|")[1].strip()] += line
    for arm, rest in rows.items():
        for cell in re.findall(r"-?[\d.e+-]+ \[[^\]]+\]", rest):
            assert f"| {cell} " in found[arm], f"{arm}: {cell} is not in results/{study.name}"


@pytest.mark.parametrize(("preset", "tuned"), ANY_DATA.items())
def test_a_preset_for_any_data_has_the_settings_of_the_one_that_was_tuned(preset: str, tuned: str) -> None:
    assert f"those of the preset {tuned}" in " ".join(header("gan", preset))
    assert settings("gan", preset).model_dump(exclude={"data"}) == settings("gan", tuned).model_dump(exclude={"data"})


@pytest.mark.parametrize(("name", "preset"), sorted(UNTUNED))
def test_a_preset_that_was_not_tuned_says_so(name: str, preset: str) -> None:
    assert "not tuned yet" in " ".join(line.strip("# ") for line in header(name, preset)).lower()
