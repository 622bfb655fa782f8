"""A model of one's own next to baselines: the same protocol, the same test scenes, differences with intervals.

own trials (`run`) + finished runs (`baselines`) -> one comparison (`entries`) -> page and tables (`page`) -> files
"""
