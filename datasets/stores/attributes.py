"""Root attributes of a scene store: tables as JSON text, which netCDF can hold; older stores have the tables."""

import json
from collections.abc import Mapping
from typing import Any


def to_attribute(content: Any) -> Any:  # noqa: ANN401 - JSON
    """As a store keeps it: a table becomes text, everything else stays."""
    return json.dumps(content, sort_keys=True) if isinstance(content, Mapping) else content


def from_attribute(value: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """The table of either form."""
    return dict(json.loads(value) if isinstance(value, str) else value)
