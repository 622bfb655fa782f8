"""The published archives are pinned."""

import pytest

from datasets.errors import UnknownNameError
from ingest.download.archives import ARCHIVES, find_archive


def test_every_archive_is_pinned() -> None:
    assert {name: (archive.article, archive.version) for name, archive in ARCHIVES.items()} == {
        "raw-train": (21284967, 3),
        "raw-test": (21762848, 2),
        "rtt-train": (21316608, 3),
        "rtt-test": (21762830, 2),
    }
    with pytest.raises(UnknownNameError, match="did you mean 'rtt-test'"):
        find_archive("rtt-tets")
