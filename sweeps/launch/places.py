"""What one machine sees of the places that a study uses: lakes, storage, MLflow, its outbox, and the clocks of servers.

`sweeps.launch.cluster` asks every node before the first trial, `python -m sweeps doctor` at any time. Test objects are
removed, and so are folders that were made for them.
"""

import email.utils
import os
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Final

from datasets.access import is_url, scheme_of
from datasets.errors import IceBenchError
from datasets.lake import Lake
from datasets.plural import plural
from datasets.process.folders import nearest
from datasets.storage import create, exists, read, remove
from sweeps.launch.finding import Check, Finding, Level, with_time_limit
from training.tracking.artifact_stores import probe_artifacts
from training.tracking.outbox import check_outbox, default_outbox
from training.tracking.server import check_reachable, public

_PATIENCE_S: Final = 60.0
"""For each place; clients of object storage repeat a request for some seconds."""
_CLOCK_S: Final = 5.0
_DRIFT_S: Final = 30.0
"""Between clocks: more confuses whoever reads times in records."""
_REFUSED_S: Final = 900.0
"""S3 refuses requests that are signed so long before or after its own time."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """An object in a place that all nodes must see: a folder of the same name on each would lose what they write.

    Attributes:
        name: Of the place: storage, or MLflow.
        place: Folder or URL.
        object: URL of the mark, gone once the nodes have looked.
        remedy: What to do where it is not seen.
    """

    name: str
    place: str
    object: str
    remedy: str


def check_places(
    lake_urls: Sequence[str], tracking_uri: str, storage: str, marks: Sequence[Mark] = ()
) -> list[Finding]:
    """Looks at all of them from this process, in seconds where they answer; the tracking URI is resolved.

    `marks` are what the driver has put into places that must be the same here.
    """
    checks: list[tuple[str, Check]] = [("lake", partial(check_lake, url)) for url in lake_urls]
    checks += [(mark.name, partial(check_shared, mark)) for mark in marks]
    checks += [
        ("storage", partial(check_storage, storage)),
        ("MLflow", partial(check_tracking, tracking_uri)),
        ("outbox", _check_outbox),
        ("clock", partial(check_clocks, [*lake_urls, storage], tracking_uri)),
    ]
    return [finding for name, check in checks for finding in with_time_limit(name, check, _PATIENCE_S)]


@contextmanager
def marked(tracking_uri: str, storage: str) -> Iterator[list[Mark]]:
    """Marks the storage and the folder of a database, for nodes to look for; none where this process cannot write."""
    places = [("storage", storage, "give a bucket with --storage, or a disk that all nodes share")]
    if tracking_uri.startswith("sqlite:///"):
        remedy = "let an MLflow server run, and give its address with --tracking-uri"
        places.append(("MLflow", str(Path(tracking_uri.removeprefix("sqlite:///")).parent), remedy))
    held, marks = ExitStack(), list[Mark]()
    try:
        for name, place, remedy in places:
            with suppress(IceBenchError, OSError):
                mark = held.enter_context(_probe_in(place))
                if create(mark, b"seen"):
                    marks.append(Mark(name=name, place=place, object=mark, remedy=remedy))
        yield marks
    finally:
        with suppress(IceBenchError, OSError):
            held.close()


def check_shared(mark: Mark) -> Iterator[Finding]:
    """Looks for a mark of the driver; one that is seen is not worth a line."""
    if not exists(mark.object):
        said = f"{mark.place} is not the same place there as for the driver of the study"
        yield Finding(name=mark.name, level="error", message=said, remedy=mark.remedy)


@contextmanager
def _probe_in(place: str) -> Iterator[str]:
    """URL for a test object, which is removed in the end with the folders that were made for it."""
    probe = f"{place}/probe-{secrets.token_hex(8)}"
    new = [] if is_url(place) else [each for each in (Path(place), *Path(place).parents) if not each.exists()]
    try:
        yield probe
    finally:
        remove(probe)
        for folder in new:
            with suppress(OSError):  # another node needs it meanwhile, or it was never made
                folder.rmdir()


def check_lake(url: str) -> Iterator[Finding]:
    """Reads its recipe and its catalog; raises IceBenchError or OSError."""
    lake = Lake.open(url)
    scenes = len(lake.catalog())
    said = f"{url}: {plural(scenes, 'scene')}"
    if scenes:
        yield Finding(name="lake", level="ok", message=said)
    else:
        yield Finding(name="lake", level="error", message=said, remedy="build it with `python -m ingest build`")


def check_storage(url: str) -> Iterator[Finding]:
    """Creates an object where none may be, is refused to create it again, reads it, and removes it."""
    with _probe_in(url) as probe:
        alone = create(probe, b"first") and not create(probe, b"second") and read(probe) == b"first"
    if alone:
        yield Finding(name="storage", level="ok", message=f"{url}: written, read, not overwritten, removed")
        return
    yield Finding(
        name="storage",
        level="error",
        message=f"{url} overwrites an object that must be created only once",
        remedy="use a store with conditional writes (AWS, Google Cloud, MinIO, SeaweedFS), or a shared disk",
    )


def check_tracking(uri: str) -> Iterator[Finding]:
    """Asks the server, logs in, and writes an artifact; raises TrackingError."""
    if uri.startswith("sqlite:///"):
        yield _check_database(Path(uri.removeprefix("sqlite:///")))
        return
    check_reachable(uri)
    where = probe_artifacts(uri)
    said = f"{public(uri)}: reachable, login taken, artifacts written to {where}"
    yield Finding(name="MLflow", level="ok", message=said)


def _check_database(path: Path) -> Finding:
    """Looks at the file without making it, or its folder."""
    if path.exists():
        check_reachable(f"sqlite:///{path}")
    place = nearest(path)
    if not os.access(place, os.W_OK):
        return Finding(
            name="MLflow",
            level="error",
            message=f"{str(place)!r} cannot be written",
            remedy="give another --tracking-uri",
        )
    state = "a database of this machine" if path.exists() else "will be made by the first study"
    return Finding(name="MLflow", level="ok", message=f"sqlite:///{path}: {state}")


def _check_outbox() -> Iterator[Finding]:
    """Looks whether trials can write their records on this machine; raises OutboxError where not."""
    root = default_outbox()
    check_outbox(root)
    yield Finding(name="outbox", level="ok", message=f"{root}: can be written")


def check_clocks(places: Sequence[str], tracking_uri: str) -> Iterator[Finding]:
    """Compares this machine's clock with what servers say in their answers; those that say nothing are left out."""
    servers = [tracking_uri] if tracking_uri.startswith("http") else []
    if any(scheme_of(place).startswith("s3") for place in places):
        servers.append(os.environ.get("AWS_ENDPOINT_URL") or "https://s3.amazonaws.com")
    drifts = {public(server): drift for server in servers if (drift := server_drift(server)) is not None}
    yield from (clock_finding(server, drift) for server, drift in drifts.items())


def clock_finding(server: str, drift_s: float) -> Finding:
    """What a difference between two clocks means: some seconds nothing, a quarter of an hour refusals."""
    said = f"{abs(drift_s):.0f} s {'behind' if drift_s > 0 else 'ahead of'} that of {server}"
    if abs(drift_s) < _DRIFT_S:
        return Finding(name="clock", level="ok", message=said)
    level: Level = "error" if abs(drift_s) > _REFUSED_S else "warning"
    return Finding(name="clock", level=level, message=said, remedy="set the clock by NTP (`timedatectl set-ntp true`)")


def server_drift(url: str) -> float | None:
    """Seconds that a server's clock is ahead of this one's; None where it does not answer or does not say."""
    request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "icebench"})
    try:
        with urllib.request.urlopen(request, timeout=_CLOCK_S) as answer:
            said = answer.headers.get("Date")
    except urllib.error.HTTPError as refusal:  # which has a date, too
        said = refusal.headers.get("Date")
    except (OSError, ValueError):
        return None
    now = time.time()
    try:
        then = email.utils.parsedate_to_datetime(said or "")
    except ValueError:
        return None
    return (then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp() - now
