"""Tasks with a difficulty: dynamics as pure functions over a batch, and their Gymnasium environments."""
