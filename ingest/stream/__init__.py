"""Scenes from where they are published, without a copy of the archive: each is fetched by the worker that converts it.

The way through: `find` (what the command line names -> scenes, each with where its bytes are) -> `convert` (in a
worker: `scratch` makes room, `origins` brings the bytes and checks them, the scene is converted, the bytes are
removed). `containers` are the files that hold scenes, `zips` reads what a zip holds.
"""
