"""Processes that work side by side, on this machine, on a Dask cluster or on Ray; loaded only where they are used."""
