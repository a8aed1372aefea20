"""Run directories and studies as the trainers leave them, made up in milliseconds."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

GAN_CONFIG: dict[str, Any] = {
    "seed": 0,
    "steps": 4000,
    "device": "auto",
    "log_every": 50,
    "evaluate_every": 200,
    "checkpoint_every": 1000,
    "data": {"name": "ring", "modes": 8, "radius": 1.0, "std": 0.02},
    "clock": {"period": 1000},
    "voices": {
        "lr.discriminator": {"wave": "cosine", "low": 0.05, "high": 1.95, "mean": 5e-4},
        "lr.generator": {"follow": "lr.discriminator", "relation": "quadrature"},
        "ema.decay": 0.995,
    },
}

RL_CONFIG: dict[str, Any] = {
    "seed": 0,
    "steps": 300_000,
    "device": "auto",
    "task": "lab/MountainCar-v0",
    "clock": {"split": {"total": 300_000, "cycles": 5}},
    "voices": {
        "learning_rate": {"follow": "difficulty", "relation": "anti_phase", "low": 2e-4, "high": 1.8e-3},
        "ent_coef": {"wave": "cosine", "low": 0.0, "high": 0.01},
        "clip_range": 0.2,
    },
}


def write_run(
    path: Path, trainer: str, config: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], **provenance: Any
) -> Path:
    """A run directory with these metrics."""
    for name in ("checkpoints", "snapshots", "figures"):
        (path / name).mkdir(parents=True)
    (path / "config.yaml").write_text(yaml.safe_dump(dict(config), sort_keys=False))
    (path / "provenance.json").write_text(
        json.dumps({"trainer": trainer, "preset": "made-up", "seed": config.get("seed", 0), **provenance})
    )
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def gan_run(path: Path, images: bool = False, until: int | None = None, weights: bool = False, **changes: Any) -> Path:
    """A GAN run whose losses circle with the clock; ``until`` leaves it unfinished; ``weights`` logs how they move."""
    config = {**GAN_CONFIG, **changes}
    rng = np.random.default_rng(config["seed"])
    rows: list[dict[str, Any]] = []
    stop = until or config["steps"]
    for step in range(config["log_every"], stop + 1, config["log_every"]):
        angle = 2 * np.pi * step / 1000
        fade = 1 + 2 * np.exp(-step / 500)
        noise = rng.normal(0, 0.04, 6)
        row = {
            "step": step,
            "loss/generator": 0.9 + 0.3 * fade * np.cos(angle) + noise[0],
            "loss/discriminator": 1.3 + 0.1 * fade * np.sin(angle) + noise[1],
            "output/real": 0.3 + 0.2 * np.sin(angle) + noise[2],
            "output/fake": -0.3 - 0.2 * np.sin(angle) + noise[3],
            "gradient/generator": 0.5 + 0.2 * np.cos(angle) + abs(noise[4]),
            "gradient/discriminator": 0.8 + 0.2 * np.sin(angle) + abs(noise[5]),
        }
        if weights:
            row |= {"distance/generator": step / 100, "singular_value/generator/0": 1 + step / 1000}
        if step % config["evaluate_every"] == 0:
            done = min(1.0, step / 2500)
            for prefix, bonus in (("evaluation/", 0.0), ("evaluation/ema/", 0.06)):
                row |= {
                    f"{prefix}modes": round(8 * min(1, done + bonus)),
                    f"{prefix}good": 0.85 * done + bonus + rng.normal(0, 0.02),
                    f"{prefix}reverse_kl": 2 * (1 - done) + 0.05,
                }
        rows.append({name: float(value) if name != "step" else value for name, value in row.items()})
    path = write_run(path, "gan", config, rows)
    for step in range(500, stop + 1, 500):
        np.savez(path / "snapshots" / f"samples-{step:09d}.npz", **_samples(rng, step, images))
    return path


def _samples(rng: np.random.Generator, step: int, images: bool) -> dict[str, Any]:
    if images:
        shape = (64, 8, 8)
        return {key: rng.integers(0, 255, shape).astype(np.uint8) for key in ("samples", "ema")}
    spread = 0.02 + 0.4 * np.exp(-step / 900)
    angle = 2 * np.pi * rng.integers(0, 8, 512) / 8
    centers = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return {
        key: (centers + rng.normal(0, spread * factor, (512, 2))).astype(np.float32)
        for key, factor in (("samples", 1.0), ("ema", 0.7))
    }


def rl_run(path: Path, **changes: Any) -> Path:
    """A curriculum run whose difficulty rises by steps and whose learning rate falls with it."""
    config = {**RL_CONFIG, **changes}
    rng = np.random.default_rng(config["seed"] + 7)
    rows: list[dict[str, Any]] = []
    grid = (0.0, 0.25, 0.5, 0.75, 1.0)
    for step in range(2048, config["steps"] + 2048, 2048):
        done = step / config["steps"]
        difficulty = min(1.0, np.floor(done * 12) / 10)
        row: dict[str, Any] = {
            "step": step,
            "voice/learning_rate": 1.8e-3 - 1.6e-3 * difficulty,
            "voice/ent_coef": 0.005,
            "curriculum/difficulty": difficulty,
            "rollout/return": -200 + 80 * done + rng.normal(0, 6),
            "rollout/length": 200 - 80 * done,
            "rollout/success": min(1.0, done + 0.1),
            "loss/policy": rng.normal(0, 0.01),
            "loss/value": 30 * (1 - done) + rng.normal(5, 2),
            "loss/entropy": -1 + 0.6 * done,
            "approx_kl": abs(rng.normal(0.01, 0.004)),
            "clip_fraction": abs(rng.normal(0.1, 0.03)),
            "explained_variance": min(1.0, done + rng.normal(0, 0.05)),
        }
        if (step // 2048) % 5 == 0:
            for level in grid:
                able = 1 / (1 + np.exp(-12 * (done - 0.15 - 0.6 * level)))
                row[f"evaluation/return/{level:.2f}"] = -200 + 100 * able + rng.normal(0, 3)
                row[f"evaluation/success/{level:.2f}"] = able
            row["evaluation/return"] = row["evaluation/return/1.00"]
            row["evaluation/success"] = row["evaluation/success/1.00"]
        rows.append({name: float(value) if name != "step" else value for name, value in row.items()})
    return write_run(path, "rl", config, rows)


def write_study(results: Path, arms: Mapping[str, float], seeds: int = 5, name: str = "ring") -> Path:
    """A finished study as `lab study` leaves it; ``arms`` gives each arm's mean score."""
    from lab.studies.model import Study
    from lab.studies.result import TrialResult
    from lab.studies.summary import summarise

    rng = np.random.default_rng(1)
    trials = [
        TrialResult(
            arm,
            seed,
            "finished",
            scores={"ema/good": float(mean + rng.normal(0, 0.03)), "ema/modes": float(rng.integers(6, 9))},
        )
        for arm, mean in arms.items()
        for seed in range(seeds)
    ]
    others = list(arms)
    study = Study(
        name=name,
        title="Phase relations on the ring",
        hypothesis="A quarter ahead is better than constant.",
        trainer="gan",
        preset="ring",
        seeds=list(range(seeds)),
        arms={arm: {} for arm in arms},
        metric="ema/good",
        direction="higher",
        compare=[[other, others[0]] for other in others[1:]],
        columns=["ema/modes"],
    )
    path = results / name
    path.mkdir(parents=True)
    (path / "summary.json").write_text(json.dumps(summarise(study, trials).to_json()))
    (path / "study.yaml").write_text(yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False))
    (path / "provenance.json").write_text(
        json.dumps({"version": "0.1.0", "sessions": [{"command": "lab study ring", "seconds": 61.0}]})
    )
    return path
