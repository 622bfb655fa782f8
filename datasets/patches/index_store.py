"""`IndexStore`: patch indexes that were made once, in the lake's `index/` or, where that may not be written, beside it.

<lake place>/index/<rule digest>/rule.json                                   the rule, for people
<lake place>/index/<rule digest>/scenes/<scene_id>-<fingerprint>.parquet     patches of one scene
<lake place>/index/<rule digest>/sets/<hash of scenes>.parquet               patches of the scenes of one question

A stopped run continues from the objects of single scenes, and other sets of scenes are made of them. The object of
a set saves its next reader one request for each scene. No object is ever changed: its name holds the hash of its
sources, so processes that make the same one write the same bytes, each in one step. `index/` may be removed at any
time.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Final

from datasets.access import absolute
from datasets.lake import Lake
from datasets.patches.patch_index import PatchIndex
from datasets.patches.patch_rules import PatchRule
from datasets.patches.patch_table import decode, encode
from datasets.prefixes import names
from datasets.scene import SceneRecord
from datasets.storage import read, replace

logger = logging.getLogger(__name__)

_SUFFIX: Final = ".parquet"


class IndexStore:
    """Objects of one rule. Threads may share it.

    An index can be made again, so an object that cannot be read or written is never an error here. Problems of the
    lake itself show when its scenes are read.

    Args:
        lake: Read first, and written as long as it accepts writes.
        rule: Of all objects.
        folder: Where objects are kept that the lake refuses; None keeps none.
    """

    def __init__(self, lake: Lake, rule: PatchRule, folder: Path | None = None) -> None:
        self.rule = rule
        self._lake = lake
        self._places = [f"{lake.index_url}/{rule.digest}"]
        if folder is not None:
            self._places.append(f"{absolute(str(folder))}/{lake.recipe_digest}/{rule.digest}")
        self._refused: set[str] = set()
        self._described: set[str] = set()
        self._lock = Lock()

    def get_set(self, records: Sequence[SceneRecord]) -> PatchIndex | None:
        """The index of these scenes in this order, if there is one; one request."""
        return self._get(_set_key(records), records)

    def get_scene(self, record: SceneRecord) -> PatchIndex | None:
        """The index of one scene, if there is one."""
        return self._get(_scene_key(record), [record])

    def having(self, records: Sequence[SceneRecord]) -> list[SceneRecord]:
        """Those of the scenes that have an object, by one listing of each place."""
        found: set[str] = set()
        for place in self._places:
            try:
                found |= {f"scenes/{name}" for name in names(f"{place}/scenes")}
            except OSError as error:
                logger.info("patch indexes below %s cannot be listed: %s", place, error)
        return [record for record in records if _scene_key(record) in found]

    def put_set(self, records: Sequence[SceneRecord], index: PatchIndex) -> None:
        """Keeps the index of several scenes."""
        self._put(_set_key(records), encode(index))

    def put_scene(self, record: SceneRecord, index: PatchIndex) -> None:
        """Keeps the index of one scene."""
        self._put(_scene_key(record), encode(index))

    def _get(self, key: str, records: Sequence[SceneRecord]) -> PatchIndex | None:
        for place in self._places:
            url = f"{place}/{key}"
            try:
                content = read(url)
            except OSError as error:
                # Stores that do not let a reader list answer "refused" for an object that is not there.
                logger.info("the patch index %s cannot be read: %s", url, error)
                continue
            index = decode(content, self.rule, records) if content is not None else None
            if index is not None:
                return index
            if content is not None:
                logger.warning("%s is torn, or no patch index of this rule and these scenes: it is made again", url)
        return None

    def _put(self, key: str, content: bytes) -> None:
        for place in self._places:
            if place in self._refused:
                continue
            try:
                if place not in self._described:
                    replace(f"{place}/rule.json", _description(self.rule))
                    self._described.add(place)
                replace(f"{place}/{key}", content)
                return
            except OSError as error:
                self._refuse(place, error)

    def _refuse(self, place: str, error: OSError) -> None:
        """Goes on to the next place, saying so once."""
        with self._lock:
            if place in self._refused:
                return
            self._refused.add(place)
        rest = [each for each in self._places if each not in self._refused]
        logger.info(
            "patch indexes cannot be kept below %s (%s): %s",
            place,
            error,
            f"they are kept below {rest[0]}" if rest else "they are in memory only, the next process makes them again",
        )


def _scene_key(record: SceneRecord) -> str:
    return f"scenes/{record.scene_id}-{record.fingerprint}{_SUFFIX}"


def _set_key(records: Sequence[SceneRecord]) -> str:
    text = json.dumps([[record.scene_id, record.fingerprint] for record in records])
    return f"sets/{hashlib.sha256(text.encode()).hexdigest()[:16]}{_SUFFIX}"


def _description(rule: PatchRule) -> bytes:
    return json.dumps({"digest": rule.digest, "rule": rule.model_dump(mode="json")}, indent=1).encode()
