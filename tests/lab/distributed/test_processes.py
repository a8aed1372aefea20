"""Two gloo workers against the single process, and against two that take turns."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from few_workers import SETTINGS, configured, context, weights
from pair import RUNS, SHARED

from lab.cli.main import main
from lab.distributed.processes import Place
from lab.distributed.reach import check_own, reach
from lab.distributed.trainer import DistributedTrainer
from lab.door import tensors
from lab.errors import RunError, UserError
from lab.training.config import resolve
from lab.training.plugins import trainer

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        return int(own.getsockname()[1])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pair.py leaves."""
    out = tmp_path_factory.mktemp("pair")
    path = os.pathsep.join(filter(None, (str(Path.cwd()), os.environ.get("PYTHONPATH"))))
    env = os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    env |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    command = [sys.executable, str(Path(__file__).with_name("pair.py")), str(out)]
    both = [subprocess.Popen(command, env=env | {"RANK": str(rank)}) for rank in range(2)]
    assert [each.wait(timeout=240) for each in both] == [0, 0]
    return out


def found(out: Path, name: str, rank: int = 0) -> dict[str, torch.Tensor]:
    return tensors.read(out / f"{name}-{rank}.safetensors")[0]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="this system does not show its threads")
def test_no_thread_of_the_group_outlives_it(trained: Path) -> None:
    assert [json.loads((trained / f"threads-{rank}.json").read_text()) for rank in range(2)] == [[], []]


@pytest.mark.parametrize("name", ["classifier", "classifier-adam", "game"])
def test_averaged_gradients_are_those_of_the_single_process(trained: Path, tmp_path: Path, name: str) -> None:
    kind, sets = RUNS[name]
    plugin = trainer(kind)
    alone = plugin.build(resolve(plugin.config_type(), SETTINGS[kind], sets), context(tmp_path))
    alone.advance(100)
    for rank in range(2):
        own = found(trained, name, rank)
        torch.testing.assert_close(own["weights"], weights(alone.models()), rtol=0, atol=1e-6)  # type: ignore[attr-defined]
        followers = torch.cat([tensor.flatten() for tensor in alone.followers()])  # type: ignore[attr-defined]
        torch.testing.assert_close(own["followers"], followers, rtol=0, atol=1e-6)
    row = json.loads((trained / f"{name}-0.json").read_text())
    for key, value in alone.evaluate().items():
        assert row[key] == pytest.approx(value, rel=1e-3, abs=1e-5)
    for key, value in alone.metrics().items():  # the gradient's norm too is that of the whole batch
        assert row[key] == pytest.approx(value, rel=1e-3, abs=1e-5), key
    assert json.loads((trained / f"{name}-1.json").read_text()) == {}


def test_local_workers_are_those_that_take_turns(trained: Path, tmp_path: Path) -> None:
    kind, sets = RUNS["local"]
    turns = DistributedTrainer(configured(kind, SHARED | sets | {"workers.simulated": True}), context(tmp_path))
    turns.advance(40)
    for rank in range(2):
        own = found(trained, "local", rank)
        torch.testing.assert_close(own["weights"], weights(turns.team.workers[rank].models()), rtol=0, atol=1e-6)
    row = json.loads((trained / "local-0.json").read_text())
    for key, value in (turns.metrics() | turns.evaluate()).items():
        assert row[key] == pytest.approx(value, rel=1e-3, abs=1e-5), key


def test_weights_of_another_run_that_worker_0_begins_with_are_everybodys(trained: Path) -> None:
    for rank in range(2):
        own = found(trained, "begun", rank)
        torch.testing.assert_close(own["weights"], torch.full_like(own["weights"], 0.01))
        torch.testing.assert_close(own["followers"], torch.full_like(own["followers"], 0.01))


def test_running_statistics_of_data_parallel_workers_are_one(trained: Path) -> None:
    one, two = (found(trained, "batchnorm", rank) for rank in range(2))
    assert torch.equal(one["weights"], two["weights"])
    assert torch.equal(one["followers"], two["followers"])


def test_an_address_where_nobody_listens_is_told_in_seconds() -> None:
    with pytest.raises(RunError, match=r"nobody answers at 127.0.0.1:\d+ within 0.5 s \(connection refused\)"):
        reach("127.0.0.1", free_port(), 0.5)
    with pytest.raises(RunError, match=r"cannot listen at 192.0.2.1: it is no address of this machine"):
        check_own("192.0.2.1")
    check_own("127.0.0.1")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"RANK": "x"}, r"\$RANK: 'x' is not accepted; a whole number from 0 to 1 is"),
        ({"RANK": "2"}, r"\$RANK: '2' is not accepted; a whole number from 0 to 1 is"),
        ({"WORLD_SIZE": "0"}, r"\$WORLD_SIZE: '0' is not accepted; a whole number from 1 to"),
        ({"MASTER_PORT": "99999"}, r"\$MASTER_PORT: '99999' is not accepted; a whole number from 1 to 65535 is"),
    ],
)
def test_what_a_launcher_cannot_mean_is_one_line(
    variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}
    for name, value in (whole | variables).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=said):
        Place.found()


@pytest.mark.parametrize(
    "words",
    [["train", "ring", "--patience", "nan"], ["train", "ring", "--patience", "-1"], ["scale", "--parameters", "-5"]],
)
def test_a_number_out_of_range_is_refused_with_the_words(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["distributed", *words])
    assert ended.value.code == 2
    assert "accepted: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}, "nobody answers at 127.0.0.1:1 within 1 s"),
        ({"RANK": "0", "MASTER_ADDR": "192.0.2.1", "MASTER_PORT": "1"}, "worker 0 cannot listen at 192.0.2.1"),
        (
            {"RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1", "WORLD_SIZE": "3"},
            "3 does not divide batch_size",
        ),
    ],
)
def test_under_torchrun_a_mistake_is_one_line(
    environment: dict[str, str], tmp_path: Path, variables: dict[str, str], said: str
) -> None:
    command = [sys.executable, "-m", "lab.cli.main", "distributed", "train", "ring", "--patience", "1"]
    env = environment | {"WORLD_SIZE": "2"} | variables
    found = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert found.returncode in (1, 2)
    assert said in found.stderr
    assert len(found.stderr.splitlines()) == 1
    assert not (tmp_path / "results").exists()


def test_torchrun_itself_starts_it(environment: dict[str, str], tmp_path: Path) -> None:
    sets = ["steps=20", "voices.sync_every=5", "log_every=10", "evaluate_every=10", "batch_size=32"]
    words = [word for each in sets for word in ("--set", each)]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    command += ["lab.cli.main", "distributed", "train", "supervised/digits", *words]
    found = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert found.returncode == 0, found.stderr
    run = tmp_path / "results" / "runs" / "digits-s0"
    assert json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["workers/averages"] == 4
    again = subprocess.run(
        [sys.executable, "-m", "lab.cli.main", "report", str(run)], env=environment, cwd=tmp_path, timeout=240
    )
    assert again.returncode == 0
    assert (run / "report.html").is_file()


def test_what_every_worker_finds_wrong_is_said_once_and_nothing_starts_again(
    environment: dict[str, str], tmp_path: Path
) -> None:
    sets = ["steps=100", "log_every=50", "device=cpu", "balance={balance: gap_aware}", "voices.lr.generator=0.01"]
    words = [word for each in sets for word in ("--set", each)]
    command = [sys.executable, "-m", "lab.cli.main", "distributed", "train", "gan/ring", "--workers", "2", "--quiet"]
    found = subprocess.run(
        [*command, *words], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=240
    )
    assert found.returncode == 1
    (line,) = found.stderr.splitlines()
    assert "the workers' weights are apart at step 50" in line
