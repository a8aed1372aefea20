"""The trainer ``region``: a GAN at each cell of a grid of learning rates at once, and the share that trains."""
