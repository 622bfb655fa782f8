"""Which windows of which scenes a network is trained on: random crops, and windows of one label with their index."""
