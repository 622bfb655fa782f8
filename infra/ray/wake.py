#!/usr/bin/env python
"""Starts one GPU worker of a cluster that has none, and waits for it.

    ray job submit infra/ray/wake.py

A study looks at the cluster when it starts, so it needs one worker that is there; for the others it asks by itself,
trial by trial. The request is taken back when the worker is there: it goes after the cluster's idle time if no study
comes.

Checked by tests/infra: on a local cluster whose worker, with a fake GPU, comes after the request.
Not run: on a cloud.
"""

import sys
import time

import ray
from ray.autoscaler.sdk import request_resources

PATIENCE_S = 30 * 60  # a spot machine, its driver and the image: some ten minutes where there are machines


def main() -> int:
    """Exit code 1 with one sentence when no worker came."""
    ray.init(logging_level="ERROR")
    deadline = time.monotonic() + PATIENCE_S
    request_resources(bundles=[{"GPU": 1}])
    try:
        while ray.cluster_resources().get("GPU", 0) < 1:
            if time.monotonic() > deadline:
                print(
                    f"no worker with a GPU came in {PATIENCE_S // 60} minutes: `ray status` says what the autoscaler "
                    "tried; often it is the quota of spot GPUs, or a zone that has none",
                    file=sys.stderr,
                )
                return 1
            time.sleep(1)
    finally:
        request_resources(bundles=[])
    print("a worker with a GPU is there: submit the study")
    return 0


if __name__ == "__main__":
    sys.exit(main())
