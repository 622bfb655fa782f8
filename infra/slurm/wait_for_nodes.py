"""Waits until a Ray has as many nodes as a Slurm job: python infra/slurm/wait_for_nodes.py 4 [SECONDS].

Not run: on a real Slurm; the tests of study.sbatch run it.
"""

import sys
import time

import ray

wanted, seconds = int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 300
ray.init(logging_level="ERROR", log_to_driver=False)  # the one that RAY_ADDRESS names
deadline = time.monotonic() + seconds
while (there := sum(node["Alive"] for node in ray.nodes())) < wanted:
    if time.monotonic() > deadline:
        sys.exit(f"nodes that have joined after {seconds:g} s: {there} of {wanted}")
    time.sleep(1)
