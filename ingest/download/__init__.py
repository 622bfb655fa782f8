"""The public archives on disk: listed, fetched so that a stop costs nothing, checked, unpacked.

The way through: `archives` (which article) -> `listing` (its files) -> `folder` and `verify` (what is here already) ->
`plan` (what is missing) -> `transfer` (the bytes, over `web`) -> `unzip`; `command` strings them together.
"""
