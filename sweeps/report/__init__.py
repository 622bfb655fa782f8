"""Reports of studies and of the campaign: reads MLflow, writes files, puts them on the parent run.

What they are made of stands in `training.report`, since a comparison with a model of one's own needs it too.
"""
