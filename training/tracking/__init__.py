"""What trials leave on record: an outbox on the machine's disk, a thread that sends it, MLflow; studies read back."""
