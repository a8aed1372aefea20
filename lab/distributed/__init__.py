"""Many workers on one run: each trains any trainer's own step, and their gradients or their weights are averaged.

    config      what a run with workers says besides what its trainer's says: how many, how averaged, which offsets
    clocks      the voices of each worker: its offset in the cycle, a cooldown that all share
    group       what workers ask of each other, and workers that take turns in one process
    processes   workers that are processes of their own, by torch.distributed
    flat        tensors as one vector and back
    averaging   the method: local SGD and DiLoCo over any group
    gradients   the method: data-parallel training over any group
    team        the workers of one process, and what they do together
    trainer     the trainer of a run with workers, as the laboratory sees it
    work        what each process of a run does
    launch      starts the processes, and starts them again when one dies
    plugin      how it announces itself
    scale       bytes and time of a step against the number of workers, on paper and measured

A trainer is one of several workers if it obeys :class:`lab.training.trainer.Sharing` and its plug-in says ``shares``.
"""
