"""A study in MLflow: its parent run, its design, the driver that runs it, the state of its trials."""
