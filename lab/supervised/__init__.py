"""A small classifier trainer: the reference workload of the techniques, and the judge that image metrics use."""
