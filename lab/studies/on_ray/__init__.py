"""Trials as tasks of Ray, on this machine or on a cluster: the same processes, the same numbers as the local engine's.

:mod:`engine` is what ``--engine ray`` means, :mod:`keeper` a Ray of this machine that ends with the study,
:mod:`pool` the study's side, :mod:`attempt` the worker's, :mod:`carried` the files that go between the two where they
share no folder. Ray itself is imported only once a study runs on it.
"""
