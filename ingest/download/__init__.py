"""The public archives on disk: listed, fetched so that a stop costs nothing, checked, unpacked.

The way through: `listing` (the files of an article in `archives`) -> `present` (what is here already) -> `fetch` (the
rest, over `web`) -> `unzip`; `command` strings them together.
"""
