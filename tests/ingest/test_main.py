"""`python -m ingest`: the commands that there are."""

from tests.ingest.command_line import command


def test_every_command_is_named_with_what_it_does() -> None:
    result = command("--help")
    assert result.exit_code == 0
    for word in ("sample", "build", "verify", "prune", "migrate", "download", "melt", "chunked Zarr store"):
        assert word in result.output
