"""A data set, a network and a loss for `lab gan`, a teacher and a task for `lab rl`, a technique."""
