"""Error of the scene generator; see `datasets.errors` for its shape."""

from datasets.errors import IceBenchError


class SampleError(IceBenchError, ValueError):
    """Synthetic scenes that cannot be made as asked."""
