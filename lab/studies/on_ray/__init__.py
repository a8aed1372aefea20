"""Trials as tasks of Ray, on this machine or on a cluster: the same processes, the same numbers as the local engine's.

:mod:`engine` is what ``--engine ray`` means, :mod:`keeper` a Ray of this machine that ends with the study,
:mod:`pool` the study's side, :mod:`attempt` the worker's, :mod:`carried` the files that go between the two where they
share no folder. Ray itself is imported only once a study runs on it.

On this machine nothing else is needed: ``lab study FILE --engine ray``. Ray listens on the loopback alone and to those
that have the study's token, reports no usage, has no dashboard, and is gone when the study is, however that ends.

On a cluster, ``lab study FILE --engine ray --address HOST:PORT`` is run on a machine that belongs to it (the head will
do), with the address as ``ray start`` printed it; the laboratory, its data and the trainer's package are installed on
every machine, in the same version. For a cluster that asks for a token, ``RAY_AUTH_MODE=token`` and Ray's own
``RAY_AUTH_TOKEN`` or ``~/.ray/auth_token`` are set. Where the results lie in a folder that all machines see under the
same path, trials are trained in it. Where they do not, each is trained on its worker's machine, and every checkpoint,
with the logs up to it, comes back to where the study is as soon as it is written; so does the whole run at its end. A
worker that is lost costs the steps since its last checkpoint (``checkpoint_every``): the study hands the trial out
again, up to ten times, with the files that it has. What a lost worker leaves in its machine's temporary folder
(``lab-study-*``) stays there.

Where Ray on the study's machine ends, the study does within seconds, and says so; where the cluster's head does, Ray
itself ends it after a minute, with a message of its own. Either way the same command goes on. A study whose trials
begin with other runs (``init_from``) needs the shared folder: these runs are not sent.

A trial asks Ray for ``--trial-cpus`` and ``--trial-gpus`` (parts of one too) and has one thread and the GPUs that it
asked for; the study has as many trials out as the cluster had room for at the start, or ``--jobs``.
"""
