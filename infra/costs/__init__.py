"""What the whole job costs, foretold from measured constants: `python -m infra.costs`."""
