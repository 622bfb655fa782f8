"""`SceneWriter`: one scene as one Zarr v3 store, written.

A store becomes visible in one step: every array is written under its own key first, then one document for each group,
and the root document last, each in one object that holds the metadata of everything below it. Without a root document
there is no scene. So a build that dies leaves no store that a reader could believe to be whole, on disk and in object
storage alike, and a scene opens in one request.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from datasets.errors import IceBenchError, SceneNotFoundError
from datasets.prefixes import move_below, remove_below, sizes
from datasets.process.threads import threads
from datasets.storage import read, remove, replace
from datasets.stores.attributes import to_attribute
from datasets.stores.packing import Packing
from datasets.stores.raster import Raster, mapped
from datasets.stores.scene_store import SceneStore
from datasets.stores.shard_encoding import encoded_shards

if TYPE_CHECKING:
    import numcodecs
    import zarr.codecs

CHUNK: Final = 512
"""Side of a chunk: a 256 patch touches at most four."""

SHARD: Final = 12 * CHUNK
"""Largest side of a shard: the largest scene of the archive (12018 x 10663) is 2 x 2 objects for each variable at
ratio 1 and one at every other, so that all of a scene at ratio 2 is some thirty requests."""

_BUILD_ATTRIBUTES: Final = ("record", "moments", "objects")
"""Attributes of the root that a build gives."""

_WRITER: Final = "writer"
"""Object of a store that is not finished: which writer it is of."""

Codec = Literal["fast", "noise", "dense"]
"""`fast` for noise and for flat maps, `noise` for noise in few bits, `dense` for smooth fields."""

_BLOCK_BYTES: Final = 4 * CHUNK**2


class _Zstd(NamedTuple):
    """Settings of Blosc, for the array's metadata in zarr's words and for encoding."""

    level: int

    def as_metadata(self) -> "zarr.codecs.BloscCodec":
        import zarr.codecs

        return zarr.codecs.BloscCodec(cname="zstd", clevel=self.level, shuffle="shuffle", blocksize=_BLOCK_BYTES)

    def as_codec(self) -> "numcodecs.Blosc":
        import numcodecs

        shuffle = numcodecs.Blosc.SHUFFLE
        return numcodecs.Blosc(cname="zstd", clevel=self.level, shuffle=shuffle, blocksize=_BLOCK_BYTES)


_COMPRESSORS: Final[Mapping[Codec, _Zstd]] = {"fast": _Zstd(1), "noise": _Zstd(3), "dense": _Zstd(6)}
"""One block for each chunk: with Blosc's own, smaller blocks level 1 takes a tenth more bytes. In whole blocks it makes
SAR as small as level 5 did before, in a sixth of the time; level 6 halves latitude, longitude and border distance once
more. Byte shuffle is smaller than bit shuffle, of packed SAR too (2 % at ratio 2). Of rounded SAR at ratio 1 level 3
saves 1 % in three times the time, level 6 another 2 % in five times that."""


def chunks_and_shards(shape: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Chunk and shard shape of an array: near 512 x 512, in as few objects as 6144 x 6144 allows."""
    chunks = tuple(min(CHUNK, size) for size in shape)
    shards = tuple(min(SHARD, -(-size // chunk) * chunk) for size, chunk in zip(shape, chunks, strict=True))
    return chunks, shards


class SceneWriter:
    """Writes one scene store; used as a context, everything is removed again unless `finish` was reached.

    Where there is a finished store already, the new one grows beside it and takes its place at the end, in one step on
    disk and in the seconds that copying its objects takes in object storage.

    A store is of the writer that began last. An earlier one, as in a worker on a host that was cut off and came back,
    may still put arrays, which have the same bytes; it neither removes nor shows anything.
    """

    def __init__(self, url: str) -> None:
        self._target = url
        self.url = url
        self._token = secrets.token_hex(8).encode()
        self._foreign: dict[str, Any] = {}
        self._finished = False
        self._arrays: list[tuple[str, str]] = []
        self._shards: dict[str, int] = {}

    def __enter__(self) -> "SceneWriter":
        for beside in beside_store(self._target):
            remove_store(beside)
        try:
            attributes = SceneStore(self._target).attributes
        except SceneNotFoundError:
            remove_store(self._target)
        else:
            self._foreign = {name: value for name, value in attributes.items() if name not in _BUILD_ATTRIBUTES}
            self.url, _ = beside_store(self._target)
        replace(f"{self.url}/{_WRITER}", self._token)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._finished:
            # Where the store has gone away its remains stay: without a root document nobody takes them for a scene,
            # and what is raised should be why the build ended.
            with suppress(OSError, IceBenchError):
                if self._is_mine():
                    remove_store(self.url)

    def array(
        self,
        group: str,
        name: str,
        values: Raster,
        *,
        dims: Sequence[str],
        fill: float | int,
        attributes: Mapping[str, Any],
        codec: Codec = "fast",
        packing: Packing | None = None,
    ) -> None:
        """Writes one array whole: chunked, sharded, with CF attributes.

        Args:
            group: `r2`, `km2` or `tie_points`.
            name: Variable name.
            values: The raster; its dtype is kept unless it is packed.
            dims: One name for each axis.
            fill: Zarr fill value; chunks that hold nothing else are not stored.
            attributes: CF attributes.
            codec: How hard to compress.
            packing: Stores float32 values as whole numbers, and says so in the attributes; then `fill` is its own.

        Raises:
            PackingError: A value does not fit.
        """
        import zarr.storage

        if packing is not None:
            values = mapped(values, partial(packing.pack, what=f"{group}/{name}"), packing.dtype)
            fill, attributes = packing.fill, {**attributes, **packing.attributes()}
        chunks, shards = chunks_and_shards(values.shape)
        compressor = _COMPRESSORS[codec]
        url, made = f"{self.url}/{group}/{name}", dict[str, Any]()
        # Made here and put as it is: zarr would first remove what another writer has put into its place.
        zarr.create_array(
            zarr.storage.MemoryStore(made),
            shape=values.shape,
            dtype=values.dtype,
            chunks=chunks,
            shards=shards,
            compressors=(compressor.as_metadata(),),
            fill_value=fill,
            dimension_names=dims,
            attributes=dict(attributes),
            zarr_format=3,
        )
        replace(f"{url}/zarr.json", made["zarr.json"].to_bytes())
        encode = compressor.as_codec().encode
        for place, content in encoded_shards(
            values, chunk=chunks, shard=shards, fill=fill, encode=encode, threads=threads()
        ):
            shard = "/".join(("c", *map(str, place)))
            self._shards[f"{group}/{name}/{shard}"] = replace(f"{url}/{shard}", content)
        self._arrays.append((group, name))

    def finish(self, attributes: Mapping[str, Any], groups: Mapping[str, Mapping[str, Any]]) -> None:
        """Makes the store visible: group documents, then the root with the record and all metadata in one object.

        Attributes that others gave to the store before, such as where its season is from, stay.

        Raises:
            SceneNotFoundError: Another writer has begun the scene since, or objects are gone that were written. What is
                there stays, since it is the other's.
        """
        if not self._is_mine():
            raise self._gone(_WRITER)
        arrays: dict[str, dict[str, Any]] = {group: {} for group in groups}
        for group, name in self._arrays:
            arrays[group][name] = self._written(f"{group}/{name}/zarr.json")
        members: dict[str, Any] = {}
        for group, group_attributes in groups.items():
            _put(f"{self.url}/{group}/zarr.json", _group_document(group_attributes, arrays[group]))
            members[group] = _group_document(group_attributes, {})
            members |= {f"{group}/{name}": document for name, document in arrays[group].items()}
        objects = {key: size for key, size in sizes(self.url).items() if key not in ("zarr.json", _WRITER)}
        for key, size in self._shards.items():
            if objects.get(key) != size:
                raise self._gone(key)
        root = {**self._foreign, **attributes, "objects": objects}
        texts = {name: to_attribute(content) for name, content in root.items()}
        remove(f"{self.url}/{_WRITER}")
        _put(f"{self.url}/zarr.json", _group_document(texts, members))
        if self.url != self._target:
            move_below(self.url, self._target, aside=beside_store(self._target)[1], last="zarr.json")
        self._finished = True

    def _written(self, key: str) -> Any:  # noqa: ANN401 - JSON
        content = read(f"{self.url}/{key}")
        if content is None:
            raise self._gone(key)
        return json.loads(content)

    def _is_mine(self) -> bool:
        return read(f"{self.url}/{_WRITER}") == self._token

    def _gone(self, key: str) -> SceneNotFoundError:
        return SceneNotFoundError(
            f"{self.url}/{key} is gone before the scene was finished: something else removes or builds this scene, "
            "let only one build run"
        )


def beside_store(url: str) -> tuple[str, str]:
    """Where a store grows that is to replace a finished one, and where that one goes for a moment."""
    return f"{url}.part", f"{url}.old"


def remove_store(url: str) -> None:
    """Removes a scene store, its documents first, so that nobody opens it meanwhile."""
    found = sizes(url)
    for key in ("zarr.json", *(key for key in found if key.count("/") == 1 and key.endswith("/zarr.json"))):
        if key in found:
            remove(f"{url}/{key}")
    remove_below(url)


def _group_document(attributes: Mapping[str, Any], members: Mapping[str, Any]) -> dict[str, Any]:
    """A Zarr v3 group with the metadata of its members inline: a reader needs no other request for them.

    Inline metadata is not yet in the text of format 3, so zarr warns when it writes it; readers that do not know it
    ignore it ("must_understand": false).
    """
    inline = {"kind": "inline", "must_understand": False, "metadata": dict(sorted(members.items()))}
    return {"attributes": dict(attributes), "zarr_format": 3, "consolidated_metadata": inline, "node_type": "group"}


def _put(url: str, document: Mapping[str, Any]) -> None:
    replace(url, json.dumps(document, indent=1).encode())
