"""Federated training: clients that never show their data learn one model, each on a clock of its own offset.

    partition    which samples each client has: iid, shards, Dirichlet
    clocks       what every voice says on a client's own clock
    answer       what a client sends back, and what of it is refused
    server       the weights that all share: averaged updates, moved by an optimiser of the server's
    local        what one client does in one round; the same in the simulation and behind Flower
    simulation   all clients in this process, one after the other
    trainer      the run: a step is a round
    flower       the same clients as Flower's, in processes of their own (extra ``flower``)

Which networks learn, and how, a trainer's plug-in says (:mod:`lab.training.local`); none is imported here.
"""
