"""`make gpu-kit`: what a GPU machine without a network needs to run `python -m tests.gpu`, as wheels in one folder."""
