"""A study in MLflow: its parent run, what it set out to do, who runs it, where its trials stand."""
