"""Acts with an exported agent as a user of plain SB3 would, where this package is not installed: KIND ZIP OUT."""

import pickle
import sys
from pathlib import Path

import numpy as np
import stable_baselines3

kind, path, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
sys.modules["rl"] = sys.modules["lab"] = None  # type: ignore[assignment]  # importing either fails
model = getattr(stable_baselines3, kind).load(path, device="cpu")
raw = np.random.default_rng(0).normal(0, 0.5, (200, *model.observation_space.shape)).astype(np.float32)
normalised = path.with_suffix(".vecnormalize.pkl")
seen = pickle.loads(normalised.read_bytes()).normalize_obs(raw) if normalised.exists() else raw
np.save(out, model.predict(seen, deterministic=True)[0])
np.save(out.with_suffix(".observations.npy"), raw)
