"""The hash by which recipes, scenes, lakes, rules and trials are told apart by their content."""

import hashlib
import json
from collections.abc import Iterable


def digest_of(content: object, *, compact: bool = False) -> str:
    """Hash of plain JSON values, 12 hex digits; the order of keys does not matter.

    Args:
        content: What is hashed.
        compact: Hashes the JSON without its spaces. Both spellings are on record (ids of trials are compact, digests
            of lakes are not), so neither can be given up.
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":") if compact else None)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def digest_of_rows(head: str, rows: Iterable[object]) -> str:
    """The same hash of `[head, [row, row, ...]]`, one row at a time in memory."""
    found = hashlib.sha256(f"[{json.dumps(head)}, [".encode())
    for number, row in enumerate(rows):
        found.update(f"{', ' if number else ''}{json.dumps(row, sort_keys=True)}".encode())
    found.update(b"]]")
    return found.hexdigest()[:12]
