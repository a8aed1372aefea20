import sys
from pathlib import Path

import pytest

from lab.cli.main import main
from lab.training import plugins

PLUGIN = Path(__file__).parent / "plugin"


@pytest.fixture(scope="session")
def tiny_package(tmp_path_factory):
    """The tiny trainer installed as a package of somebody else's: found by its entry point; returns the path to add."""
    site = tmp_path_factory.mktemp("site")
    for name in ("tiny_trainer.py", "presets"):
        (site / name).symlink_to(PLUGIN / name)
    info = site / "tiny_trainer-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-trainer\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[phaselab.trainers]\ntiny = tiny_trainer:PLUGIN\n")
    return site


@pytest.fixture
def tiny(tiny_package, monkeypatch):
    """Makes the tiny trainer known in this process and in the processes of trials."""
    monkeypatch.syspath_prepend(str(tiny_package))
    plugins.discover.cache_clear()
    yield
    plugins.discover.cache_clear()
    sys.modules.pop("tiny_trainer", None)


STUDY = """
hypothesis: a hundred times the learning rate comes closer to the minimum
trainer: tiny
preset: parabola
seeds: 5
set: {device: cpu}
arms:
  slow: {voices.lr: 0.001}
  fast: {voices.lr: 0.1}
metric: closeness
direction: higher
compare: [[fast, slow]]
"""


@pytest.fixture
def study_file(tmp_path):
    path = tmp_path / "descent.yaml"
    path.write_text(STUDY)
    return path


@pytest.fixture
def lab_study(tiny, study_file, tmp_path, capfd):
    """Runs ``lab study`` in this process; returns exit status, standard output and standard error."""

    def run(*words):
        status = main(["study", str(study_file), "--results", str(tmp_path / "results"), "--jobs", "2", *words])
        return status, *capfd.readouterr()

    return run
