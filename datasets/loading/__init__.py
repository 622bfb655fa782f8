"""From a lake to the device: windows, what a node keeps decoded, batches, and the input of a network."""
