"""What trials need is imported before they begin."""

import subprocess
import sys

import pytest

SCRIPT = """
import gc, importlib, json, sys
from pathlib import Path
from lab.studies.model import Study
from lab.studies.preload import preload
from lab.studies.trials import plan
from lab.studies.work import run_trial
from lab.training import plugins

trainer, preset, more, folder = sys.argv[1:]
for module in preload(trainer):
    importlib.import_module(module)
assert gc.get_freeze_count() > 10_000, "a trial's collections would copy what is imported"
before = set(sys.modules)
often = dict.fromkeys(("log_every", "evaluate_every"), 1)
short = {"device": "cpu", "steps": 2, **often, "checkpoint_every": 2, "clock": {"period": 1}}
study = Study.model_validate({
    "name": "short", "hypothesis": "none", "trainer": trainer, "preset": preset,
    "set": {**short, **json.loads(more)}, "arms": {"a": {}},
    "seeds": 1, "metric": "accuracy", "direction": "higher",
})
[trial] = plan(study, plugins.trainer(trainer), Path(folder))
run_trial(Path(folder), trainer, preset, trial, None)
print(*sorted(name for name in sys.modules.keys() - before if name.startswith(("lab.", "torch."))))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trainer", "preset", "more"),
    [
        ("supervised", "digits", "{}"),
        ("distributed", "supervised/digits", '{"workers": {"count": 2, "simulated": true}, "voices.sync_every": 1}'),
        ("gan", "ring", "{}"),
    ],
    ids=["supervised", "distributed", "gan"],
)
def test_a_trial_imports_nothing_of_size(trainer, preset, more, tmp_path):
    """Of ours and torch's; what one data set or metric needs is another thing."""
    command = [sys.executable, "-c", SCRIPT, trainer, preset, more, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) < 20, done.stdout
