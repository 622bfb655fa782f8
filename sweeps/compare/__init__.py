"""A network of one's own next to baselines: the same protocol, the same test scenes, differences with intervals.

own trials (`own_model`) + finished runs (`finished_runs`) -> one comparison (`entries`) -> page and tables -> files
"""
