"""Acts with an exported agent as a user of plain SB3 would, where this package is not installed: CLASS ZIP OUT."""

import importlib
import pickle
import sys
from pathlib import Path

import numpy as np
from stable_baselines3.common.save_util import recursive_getattr

(package, kind), path, out = sys.argv[1].rsplit(".", 1), Path(sys.argv[2]), Path(sys.argv[3])
sys.modules["rl"] = sys.modules["lab"] = None  # type: ignore[assignment]  # importing either fails
model = getattr(importlib.import_module(package), kind).load(path, device="cpu")
# Twenty steps of ten environments, of which some episodes start amid them; masks allow some actions at least.
random = np.random.default_rng(0)
raw = random.normal(0, 0.5, (20, 10, *model.observation_space.shape)).astype(np.float32)
starts = np.arange(20)[:, None] % random.integers(4, 20, 10) == 0
masks = random.random((20, 10, 4)) < 0.5
masks[..., 0] |= ~masks.any(axis=-1)
normalised = path.with_suffix(".vecnormalize.pkl")
seen = pickle.loads(normalised.read_bytes()).normalize_obs(raw) if normalised.exists() else raw
state, actions = None, []
for step in range(20):
    masked = {"action_masks": masks[step]} if kind == "MaskablePPO" else {}
    action, state = model.predict(seen[step], state, starts[step], deterministic=True, **masked)
    actions.append(action)
names = [name for name in model._get_torch_save_params()[0] if "optimizer" in name]
kept = [moments["exp_avg"] for name in names for moments in recursive_getattr(model, name).state.values()]
learns = [model.lr_schedule(0.5), model._n_updates, model.num_timesteps, *(float(each.abs().sum()) for each in kept)]
np.savez(out, actions=actions, observations=raw, starts=starts, masks=masks, learns=learns)
