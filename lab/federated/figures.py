"""The figures of federated runs."""

FIGURES = {}


def draw(runs, out, only=()):
    return []
