"""Cryospheric season of a scene from the NASA/GSFC "Arctic Sea Ice Melt" dates (Markus, Stroeve and Miller 2009).

Flow: `maps` (yearly files -> day-of-year grids) and `grid` (scene footprint -> 25 km cells) -> `rule` (cells and day ->
melt, freeze or nothing) -> `assign` (all scenes of a lake, written without touching a pixel).
"""
