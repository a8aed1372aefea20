"""One thread a test process: the suite runs a process a core, and small networks lose by sharing cores."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
