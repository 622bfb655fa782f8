"""Patches of a lake as files that other people's tools read: GeoTIFF, npz or Zarr, in `split/images`, `split/masks`."""
