"""`sweeps/downscale.py` for tests of what happens around its trials: with `--smoke` they train in seconds."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only tests/ is on the path

from sweeps.downscale import EXPERIMENT as DOWNSCALE

QUICK_STUDY: Final = __file__
_PIXEL: Final = DOWNSCALE.arms["pixel"]
_SMALL: Final = {**_PIXEL.smoke, "loop.batch_size": 4, "model.params": {"filters": [4, 8]}}

EXPERIMENT: Final = replace(DOWNSCALE, arms={**DOWNSCALE.arms, "pixel": replace(_PIXEL, smoke=_SMALL)})

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
