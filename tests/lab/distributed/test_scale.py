"""The model of a step's cost: its formulas, its fit, and the rule's interval by simulation."""

import numpy as np
import pytest

from lab.distributed.scale import Machine, Step, quadratic, report, table
from lab.distributed.scale_figure import draw, written

MACHINE, STEP = Machine(latency=1e-4, byte=1e-9), Step("toy", fixed=1e-3, sample=1e-5, size=1_000_000, batch=64)


def test_an_average_is_a_ring() -> None:
    """K − 1 messages of b/K bytes to reduce, and as many to share out."""
    for workers in (2, 4, 64):
        parts = sum(1e-4 + 1e6 / workers * 1e-9 for _ in range(2 * (workers - 1)))
        assert MACHINE.average(workers, 1_000_000) == pytest.approx(parts)
    assert MACHINE.average(1, 1_000_000) == 0


def test_constants_are_found_again() -> None:
    sizes = (4, 4_000, 400_000, 4_000_000)
    found = Machine.fitted(sizes, [MACHINE.average(2, size) for size in sizes])
    assert (found.latency, found.byte) == (pytest.approx(1e-4), pytest.approx(1e-9))
    batches = (64, 128, 256)
    step = Step.fitted("toy", batches, [1e-3 + 1e-5 * batch for batch in batches], 1_000_000, 64)
    assert (step.fixed, step.sample) == (pytest.approx(1e-3), pytest.approx(1e-5))
    assert (found.misfit, step.misfit) == (pytest.approx(0, abs=1e-6), pytest.approx(0, abs=1e-6))
    assert Step.fitted("toy", [64], [1.0], 1, 64).misfit == pytest.approx(0, abs=1e-6)
    assert Step.fitted("toy", [1, 1], [1.0, 3.0], 1, 64).misfit > 0.3, "two times of one batch cannot both be met"


def test_an_interval_divides_bytes_and_latency_and_nothing_else() -> None:
    rows = {(row["workers"], row["interval"]): row for row in table(MACHINE, STEP, {"1": 1.0, "8": 8.0})}
    for workers in (2, 16, 1024):
        one, eight = rows[workers, "1"], rows[workers, "8"]
        assert one["bytes"] == pytest.approx(8 * eight["bytes"]) == pytest.approx(2e6 * (workers - 1) / workers)
        compute = STEP.compute(workers)
        assert one["seconds"] - compute == pytest.approx(8 * (eight["seconds"] - compute))
        cheap = one["cheap_from"]
        assert (
            MACHINE.average(workers, STEP.size) / cheap
            <= 0.1 * compute
            < MACHINE.average(workers, STEP.size) / max(cheap - 1, 0.5)
        )


def test_the_rules_interval_is_that_of_counting() -> None:
    steps, step, averages = 10_000, 0, 0
    while step < steps:
        lr = 1 - step / steps
        step, averages = min(steps, step + max(4, int(np.floor((2 / lr) ** 2)))), averages + 1
    assert quadratic(2.0, 4) == pytest.approx(steps / averages, rel=1e-3)


def test_what_is_written_and_drawn_has_every_number_of_workers(tmp_path) -> None:
    found = {"processor": "toy", "threads": 1, **report(MACHINE, [STEP])}
    page = written(found)
    assert "| 1,024 |" in page
    assert "H = 256" in page
    saved = draw(found["models"][0], tmp_path)
    assert saved.path.is_file()
    assert "1 to 1024" in saved.alt
