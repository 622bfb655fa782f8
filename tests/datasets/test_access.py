"""Storage that cannot be reached or is not allowed is one sentence without a secret."""

from pathlib import Path

import fsspec
import pytest
from typer.testing import CliRunner

from datasets.__main__ import app as datasets_app
from tests.ingest.command_line import command
from tests.object_store import ObjectStore

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "was refused (SignatureDoesNotMatch): check the credentials"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "was refused (InvalidAccessKeyId): check the credentials"),
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "no complete credentials were found; set AWS_"),
        ({"AWS_PROFILE": "nobody"}, "the AWS profile cannot be used"),
        (
            {"AWS_ENDPOINT_URL": "http://user:hush@127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"},
            "has a name or a password before",
        ),
    ],
)
def test_no_way_in_is_one_sentence_without_a_secret(
    s3: ObjectStore,
    raw_train: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str | None],
    sentence: str,
) -> None:
    if "AWS_PROFILE" in variables:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    for name, value in variables.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    for result in (
        command("build", raw_train[0], "--lake", "s3://lake/nowhere"),
        CliRunner().invoke(datasets_app, ["show", "s3://lake/nowhere"], env={"COLUMNS": "250"}),
    ):
        assert result.exit_code == 2, result.output
        assert sentence in " ".join(result.output.split())
        assert len(result.output.strip().splitlines()) == 1
        assert not [secret for secret in (*s3.owner, "hush") if secret in result.output]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("s3://key:hush@lake/x", "a s3:// URL with a password in it is not allowed"),
        ("foo://lake/x", "which fsspec does not know: give a path, s3://, gs:// or az://"),
        ("gs://lake/x", "needs the fsspec driver gcsfs, which is not installed"),
        ("s3://no-such-bucket/x", "there is no bucket for 's3://no-such-bucket/x"),
    ],
)
def test_a_url_that_cannot_work_is_one_sentence(
    s3: ObjectStore, raw_train: list[Path], url: str, sentence: str
) -> None:
    result = command("build", raw_train[0], "--lake", url)
    assert result.exit_code == 2, result.output
    assert sentence in result.output
    assert "hush" not in result.output
