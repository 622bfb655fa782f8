"""Every part of an address that can be wrong is named in one sentence, and no secret with it."""

import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import botocore.auth
import fsspec
import pytest

from datasets.errors import LakeAccessError
from datasets.lake import Lake
from datasets.storage import create, read, replace
from ingest.source import find_sources
from tests.object_store import ObjectStore

SILENT = "http://127.0.0.1:1"
"""An endpoint at which nothing listens."""

SECRET = "http://user:hush@127.0.0.1:1"


def fresh(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    """Clients begin anew in an environment without anything but this."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "HTTP_PROXY", "http_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    settings = {
        "AWS_ENDPOINT_URL": SILENT,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "hush",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        "AWS_MAX_ATTEMPTS": "1",
    }
    for name, value in (settings | variables).items():
        monkeypatch.setenv(name, value)
    for scheme in ("s3", "http"):
        fsspec.get_filesystem_class(scheme).clear_instance_cache()


def refused(url: str) -> str:
    with pytest.raises(LakeAccessError) as caught:
        Lake.open(url)
    sentence = str(caught.value)
    assert "hush" not in sentence
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"AWS_ENDPOINT_URL": "localhost:9000"}, "the endpoint 'localhost:9000' has no http:// or https:// before it"),
        ({"AWS_ENDPOINT_URL_S3": "k:hush@store"}, "the endpoint 'store' in AWS_ENDPOINT_URL_S3 has a name or a"),
        ({"AWS_ENDPOINT_URL_S3": "store"}, "has no http:// or https:// before it; correct AWS_ENDPOINT_URL_S3"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:99999"}, "a port up to 65535; correct AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": "ftp://store"}, "the endpoint 'store' is not http:// or https://"),
        ({"AWS_ENDPOINT_URL": SILENT}, "nothing listens at 127.0.0.1:1); check AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": "http://no-such-host.invalid"}, "the host of no-such-host.invalid:80 is unknown"),
        ({"AWS_DEFAULT_REGION": "north pole"}, "'north pole' is no name of a region; set AWS_DEFAULT_REGION"),
        ({"AWS_ENDPOINT_URL": SECRET}, "the endpoint '127.0.0.1:1' in AWS_ENDPOINT_URL has a name or a"),
        ({"AWS_ENDPOINT_URL": "http://10.0.0.1", "HTTP_PROXY": SECRET}, "the proxy 127.0.0.1:1 does not answer"),
        (
            {"HTTP_PROXY": "http://no-proxy.invalid"},
            "the proxy no-proxy.invalid:80 does not answer; correct or unset HTTP_PROXY",
        ),
        ({"AWS_CA_BUNDLE": "/nowhere.pem"}, "AWS_CA_BUNDLE names '/nowhere.pem', which is not there"),
        ({"AWS_PROFILE": "nobody"}, "the AWS profile cannot be used"),
    ],
)
def test_the_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: str) -> None:
    fresh(monkeypatch, **variables)
    assert words in refused("s3://lake/x")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3://My_Bucket!/x", "'My_Bucket!' is no name of a bucket"),
        ("s3:///x", "names no bucket: write s3://BUCKET/PREFIX"),
        ("gs://", "names no bucket: write gs://BUCKET/PREFIX"),
        ("s3:/lake/x", "write s3://lake/x"),
        ("s3://lake/a/../b", "'.' or '..' in its path"),
        ("s3://lake//a", "has an empty part"),
        ("s3://key:hush@lake/x", "a s3:// URL with a password in it is not allowed"),
        ("http://127.0.0.1:99999/x", "has no good host and port"),
        ("http://127.0.0.1:1/x", "nothing listens at 127.0.0.1:1); check the address"),
        ("file://data/lake", "write file:// and an absolute path"),
        ("s4://lake/x", "has the scheme 's4', which fsspec does not know"),
        ("abfss://lake/x", "did you mean abfs://?"),
        ("gs://lake/x", "needs the fsspec driver gcsfs, which is not installed"),
        ("sftp://host/x", "needs the package paramiko, which is not installed"),
        ("/" + 300 * "n", "a name in it is too long"),
        ("", "has an empty name"),
        ("~nobody-at-all/lake", "is no path"),
    ],
)
def test_the_wrong_part_of_a_url_is_named(monkeypatch: pytest.MonkeyPatch, url: str, words: str) -> None:
    fresh(monkeypatch)
    assert words in refused(url)


def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert "is no path" in refused(str(tmp_path / "a"))


@contextmanager
def answering(status: int, code: str, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that gives one answer to everything; yields its port."""
    body = f"<Error><Code>{code}</Code><Message>hush</Message></Error>".encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (400, "ExpiredToken", "the session token has expired: get new credentials"),
        (400, "InvalidToken", "check AWS_SESSION_TOKEN"),
        (403, "RequestTimeTooSkewed", "the clock of this machine differs"),
        (403, "AccessDenied", "check the credentials in the environment or profile"),
        (400, "KeyTooLongError", "at most 1024 bytes"),
        (400, "InvalidBucketName", "'lake' is no name of a bucket"),
        (404, "NoSuchBucket", "there is no bucket for 's3://lake/x"),
        (400, "MalformedPolicy", "the server answers MalformedPolicy"),
        (403, "QuotaExceeded", "there is no room left (QuotaExceeded); free some"),
    ],
)
def test_what_a_server_answers(monkeypatch: pytest.MonkeyPatch, status: int, code: str, words: str) -> None:
    with answering(status, code) as port:
        fresh(monkeypatch, AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}")
        assert words in refused("s3://lake/x")


@pytest.mark.parametrize(("status", "words"), [(403, "refuses (HTTP 403)"), (503, "fails (HTTP 503)")])
def test_what_a_web_server_answers(monkeypatch: pytest.MonkeyPatch, status: int, words: str) -> None:
    fresh(monkeypatch)
    with answering(status, "") as port:
        assert words in refused(f"http://127.0.0.1:{port}/lake")
        assert f"127.0.0.1:{port} does not speak https" in refused(f"https://127.0.0.1:{port}/lake")


@pytest.mark.slow
def test_a_certificate_that_nobody_here_signed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    subprocess.run(
        f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout {tmp_path}/key -out {tmp_path}/cert",
        shell=True,
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    with answering(200, "", context) as port:
        fresh(monkeypatch, AWS_ENDPOINT_URL=f"https://127.0.0.1:{port}")
        assert "is not trusted here; set AWS_CA_BUNDLE" in refused("s3://lake/x")
        assert "is not trusted here; set SSL_CERT_FILE" in refused(f"https://127.0.0.1:{port}/lake")


def test_a_proxy_passes_requests_of_web_addresses_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(418, "") as port:
        fresh(monkeypatch, HTTP_PROXY=f"http://127.0.0.1:{port}")
        assert "(HTTP 418)" in refused("http://archive.invalid/lake")
        fresh(monkeypatch, HTTP_PROXY=SECRET)
        assert "the proxy 127.0.0.1:1 does not answer; correct or unset HTTP_PROXY" in refused("http://archive.invalid")


def test_what_is_no_trouble_of_a_place_stays_what_it_is(tmp_path: Path) -> None:
    assert read(f"file://{tmp_path}/nothing") is None
    assert create(f"file://{tmp_path}/new/object", b"1")
    assert not create(str(tmp_path / "new" / "object"), b"2")
    replace(f"file:{tmp_path}/My%20object", b"3")
    assert (tmp_path / "My object").read_bytes() == b"3"


@pytest.mark.slow
def test_a_real_server_names_its_troubles(s3: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "there is no bucket for 's3://elsewhere/lake/recipe.json'" in refused("s3://elsewhere/lake")
    with pytest.raises(LakeAccessError, match="there is no bucket for 's3://elsewhere/raw'"):
        find_sources(["s3://elsewhere/raw"])
    with pytest.raises(LakeAccessError, match="at most 1024 bytes"):
        replace(f"s3://lake/{2000 * 'k'}", b"")
    now = botocore.auth.get_current_datetime
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *given: now(*given).replace(year=2020))
    assert "the clock of this machine differs" in refused("s3://lake/x")


@pytest.mark.slow
def test_a_public_bucket_is_read_without_keys(s3: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    replace("s3://lake/public/object", b"for all")
    replace("s3://lake/private/object", b"for some")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(LakeAccessError, match="FSSPEC_S3_ANON=true reads a public bucket"):
        read("s3://lake/public/object")
    monkeypatch.setenv("FSSPEC_S3_ANON", "true")
    monkeypatch.setattr(fsspec.config, "conf", {})
    fsspec.config.set_conf_env(fsspec.config.conf)
    assert read("s3://lake/public/object") == b"for all"
    with pytest.raises(LakeAccessError, match="is not public; unset FSSPEC_S3_ANON"):
        read("s3://lake/private/object")
