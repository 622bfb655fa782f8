"""Raw AI4Arctic netCDF -> the lake. See `ingest.convert` for one scene and `ingest.build` for many."""
