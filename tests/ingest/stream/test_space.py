"""What a build takes of its scratch space before it begins."""

import fsspec
import pytest

from ingest.errors import ScratchError
from ingest.stream.containers import StoreFile, WebFile
from ingest.stream.origins import SceneFile
from ingest.stream.space import Space
from tests.ingest.download.archive_server import ArchiveServer


def test_a_scene_that_never_fits_beside_archives_that_stay_is_refused_and_not_waited_for(
    server: ArchiveServer, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    fsspec.filesystem("memory").pipe_file("/space/scene.nc", bytes(1_500_000))
    scene = SceneFile(path="memory://space/scene.nc", origin=StoreFile(url="memory://space/scene.nc"))
    server.files["a.zip"] = bytes(1_000_000)
    archive = WebFile(name="a.zip", urls=(f"{server.url.removesuffix('/v2')}/named/a.zip",)).sized()
    with Space("lake", "2MB", 1, on_cluster=False) as space:
        space.check([scene])
        space.fetch_whole(archive)
        with pytest.raises(ScratchError, match=r"too small for 'memory://space/scene.nc', which takes 2.5 MB \(1.0 MB"):
            space.check([scene])
