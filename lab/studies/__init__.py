"""Studies: arms × seeds of one trainer, a hypothesis stated before the runs, honest statistics and a verdict."""
