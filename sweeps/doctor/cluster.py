"""Ray as a study would find it, and what each of its nodes sees of lake, storage and MLflow."""

import os
from collections.abc import Iterator, Sequence

from datasets.process.ray_session import find_address, nodes
from sweeps.launch.cluster import ADVICE, NodeReport, check_places_from_nodes, cluster
from sweeps.launch.finding import Finding
from sweeps.launch.places import check_places, clock_finding


def ray_and_places(lake_urls: Sequence[str], tracking_uri: str, storage: str) -> Iterator[Finding]:
    """Joins the Ray that a study would join and looks from its nodes; where a study would start one, from here.

    Raises:
        ClusterError: No Ray answers where one should, or it cannot be joined.
    """
    address = find_address(None, ADVICE)
    auth = f"RAY_AUTH_MODE={os.environ.get('RAY_AUTH_MODE', 'disabled')}"
    if address == "local":
        yield Finding(name="Ray", level="ok", message=f"none runs here: a study starts one ({auth})")
        yield from check_places(lake_urls, tracking_uri, storage)
        return
    with cluster():
        found = nodes()
        cpus, gpus = (sum(node.get(kind, 0.0) for node in found) for kind in ("CPU", "GPU"))
        said = f"{address}: nodes {len(found)}, CPUs {cpus:g}, GPUs {gpus:g} ({auth})"
        yield Finding(name="Ray", level="ok", message=said)
        for report in check_places_from_nodes(lake_urls, tracking_uri, storage):
            yield from of_node(report)


def of_node(report: NodeReport) -> Iterator[Finding]:
    """Its findings, each with the name of the node, and that of its clock."""
    for each in (*report.findings, clock_finding("the driver", -report.drift_s)):
        yield Finding(
            name=each.name, level=each.level, message=f"node {report.node}: {each.message}", remedy=each.remedy
        )
