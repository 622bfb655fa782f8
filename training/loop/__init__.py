"""The loop of one trial: loss, optimizer, epochs, processes, checkpoints; without lakes and trackers."""
