"""Objects at URLs, on disk or in object storage.

`reading` (whole objects and parts of them), `writing` (in one step, or only where there is none), `prefixes` (what is
below one: listed, moved, removed), all three over `filesystem`. `datasets.access` translates the errors of clients.
"""
