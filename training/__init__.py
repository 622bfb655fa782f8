"""One trial: spec -> trained network -> scores. Runs without Ray; see `training.trial`."""
