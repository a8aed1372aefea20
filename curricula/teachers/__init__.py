"""Teachers: they choose the difficulty of the next episodes, by a plan or by what the agent achieves."""
