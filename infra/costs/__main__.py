"""Command line: `python -m infra.costs`, with nothing else needed than this checkout."""

from infra.costs.command import app

if __name__ == "__main__":
    app()
