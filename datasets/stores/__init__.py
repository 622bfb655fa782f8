"""One scene as one Zarr store: written, read, and its shards without a copy of what is in them."""
