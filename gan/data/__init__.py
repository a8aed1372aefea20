"""Real samples to imitate: points in the plane, drawn without end, and images, shuffled epoch by epoch."""
