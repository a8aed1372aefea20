"""The smaller parts: the watch for NaN, devices, places, plug-ins and presets, progress."""

import io
from pathlib import Path
from pkgutil import resolve_name

import pytest
import torch
import toy

from lab.errors import UserError
from lab.training import paths, plugins
from lab.training.device import resolve_device, set_threads
from lab.training.finite import FiniteWatch, NonFiniteError, check_row
from lab.training.progress import Pace, duration, show_progress
from lab.training.trainer import LatePlugin


def test_the_watch_names_the_first_quantity_and_step() -> None:
    watch = FiniteWatch(["loss", "gradient"], "cpu")
    for step, values in enumerate([[1.0, 2.0], [1.0, float("inf")], [float("nan"), 1.0], [1.0, 1.0]]):
        watch.observe(step, torch.tensor(values))
    with pytest.raises(NonFiniteError, match="gradient was not finite at step 1") as caught:
        watch.check()
    assert (caught.value.name, caught.value.step) == ("gradient", 1)


def test_the_watch_is_silent_while_all_is_well() -> None:
    watch = FiniteWatch(["loss"], "cpu")
    watch.check()
    watch.observe(0, torch.tensor([1e38], requires_grad=True))
    watch.check()
    check_row(3, {"loss": 1.0, "steps": 3})


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_watch_never_waits_for_the_device() -> None:
    watch = FiniteWatch(["loss"], "cuda")
    value = torch.tensor([float("nan")], device="cuda")
    torch.cuda.set_sync_debug_mode("error")
    try:
        watch.observe(4, value)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    with pytest.raises(NonFiniteError, match="loss was not finite at step 4"):
        watch.check()


def test_devices() -> None:
    assert resolve_device("cpu").type == "cpu"
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(UserError, match="device: 'tpu' is not known; accepted: auto, cpu, cuda"):
        resolve_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="device: 'cuda' was asked for, but torch sees no CUDA device"):
            resolve_device("cuda")


def test_threads() -> None:
    before = torch.get_num_threads()
    try:
        assert set_threads(1) == set_threads(None) == torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
    for threads in (0, 10**12):
        with pytest.raises(UserError, match=f"threads: {threads} is not accepted; expected 1 to 1024"):
            set_threads(threads)


def test_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_RESULTS", raising=False)
    monkeypatch.delenv("LAB_DATA", raising=False)
    assert paths.runs_root() == Path("results/runs")
    assert paths.data_root() == Path.home() / ".cache" / "phase-lab"
    monkeypatch.setenv("LAB_RESULTS", "/r")
    monkeypatch.setenv("LAB_DATA", "/d")
    assert paths.results_root() == Path("/r")
    assert paths.data_root() == Path("/d")
    assert paths.results_root("~/x") == Path.home() / "x"
    assert paths.data_root("/y") == Path("/y")


def test_presets_by_name_and_by_path(tmp_path: Path) -> None:
    assert plugins.preset_path(toy.PLUGIN, "line") == toy.PLUGIN.presets / "line.yaml"
    (tmp_path / "mine.yaml").write_text("")
    assert plugins.preset_path(toy.PLUGIN, str(tmp_path / "mine.yaml")) == tmp_path / "mine.yaml"
    with pytest.raises(UserError) as caught:
        plugins.preset_path(toy.PLUGIN, "lien")
    assert str(caught.value) == "'lien' is neither a preset of toy nor a file; did you mean 'line'? (presets: line)"


def test_an_unknown_trainer_lists_those_installed() -> None:
    with pytest.raises(UserError, match="trainer 'gna' is not known; installed: "):
        plugins.trainer("gna")


@pytest.mark.parametrize("name", ["gan", "rl"])
def test_what_the_shipped_plugins_name_is_there(name: str) -> None:
    plugin = plugins.trainer(name)
    assert isinstance(plugin, LatePlugin)
    for where in (plugin.config, plugin.trainer, plugin.commands, plugin.draw, plugin.measure):
        assert callable(resolve_name(where)), where


def test_pace_and_durations() -> None:
    pace = Pace(100)
    assert pace.words(0, now=0.0) == "starting"
    assert pace.words(50, now=10.0) == "5 steps/s, 0:10 left"
    assert pace.words(80, now=40.0) == "1 steps/s, 0:20 left"
    assert [duration(s) for s in (0.4, 61, 3600 + 62)] == ["0:00", "1:01", "1:01:02"]


def test_plain_lines_tell_first_and_last_step() -> None:
    stream = io.StringIO()
    with show_progress("ring-s0", 200, ["evaluation/modes", "loss"], stream=stream) as progress:
        for step in range(0, 201, 10):
            progress(step, {"evaluation/modes": 7.0, "other": 1.0})
    first, last = stream.getvalue().splitlines()
    assert first.startswith("ring-s0: step 0/200 (0%)  starting")
    assert last.startswith("ring-s0: step 200/200 (100%)")
    assert last.endswith("modes 7")


def test_silence_and_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for silent in (True, False):
        stream = Terminal()
        with show_progress("ring-s0", 200, ["loss"], silent, stream) as progress:
            progress(0, {})
            progress(200, {"loss": 0.25})
        assert bool(stream.getvalue()) is not silent
    assert "200/200" in stream.getvalue()
    assert "loss 0.25" in stream.getvalue()
