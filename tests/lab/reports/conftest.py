"""Makes the made-up runs of synthetic.py importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
