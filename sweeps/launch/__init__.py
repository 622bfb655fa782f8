"""What runs a study: its command line, the driver that places trials on Ray, and the part that runs in a worker."""
