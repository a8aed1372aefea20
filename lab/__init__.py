"""The laboratory: a phase engine, and what every trainer shares (runs, studies, reports, the command line)."""

import os


def _intel() -> bool:
    try:
        with open("/proc/cpuinfo", "rb") as file:
            return b"GenuineIntel" in file.read(4096)
    except OSError:
        return False


# Before the first product of matrices: else MKL on Intel's processors rounds by where in memory an array lies, and a
# resumed run would end in other bits. On others its only such mode is slow, and no need of one was seen.
if _intel():
    os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
