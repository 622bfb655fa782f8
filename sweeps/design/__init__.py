"""A study as data: axes, points, experiment, scene sets, catalogue. Pure: no Ray, no MLflow, no torch."""
