"""Experiments as data, one file per study, and the launcher that runs them on Ray."""
