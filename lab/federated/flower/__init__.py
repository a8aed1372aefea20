"""Flower as the engine: real clients in processes of their own, on this machine or others (extra ``flower``).

    wire      weights and answers as Flower's parameters, and back
    node      a process that trains when the server asks it to
    engine    the server's side: who is connected, who is asked, who did not answer

Flower carries the messages; what clients and server make of them is the simulation's own code, so that equal seeds end
with equal weights. A node has its configuration and its data from its own machine: the server sends it weights, the
round, and a client's number, nothing that could run.
"""
