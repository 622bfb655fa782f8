"""Proxies of the environment, as Python, botocore and aiohttp read them; a dead one is told as a proxy."""

import urllib.request

import pytest

from datasets.proxies import Proxy, proxies, through_proxy
from ingest.download.errors import WebError
from ingest.download.web import Web
from training.tracking.server import TrackingError, check_reachable

DEAD = "http://user:hush@127.0.0.1:1"
WORDS = r"through the proxy 127\.0\.0\.1:1 \(correct or unset HTTP_PROXY, or name the server in NO_PROXY\)"


@pytest.fixture(autouse=True)
def _own_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(urllib.request, "_opener", None)  # keeps the proxies that it began with


def test_proxies_by_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(proxies()) == []
    monkeypatch.setenv("HTTP_PROXY", DEAD)
    monkeypatch.setenv("https_proxy", "gate:3128")
    monkeypatch.setenv("ALL_PROXY", "http://gate:port")
    assert sorted(proxies()) == [Proxy("HTTPS_PROXY", "gate", 3128), Proxy("HTTP_PROXY", "127.0.0.1", 1)]


def test_a_server_is_asked_through_the_proxy_of_its_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://gate")
    monkeypatch.setenv("NO_PROXY", "inside.example,127.0.0.1")
    assert "the proxy gate:80" in through_proxy("http://outside.example/x")
    for url in ("https://outside.example/x", "http://inside.example/x", "http://127.0.0.1:5000", "sqlite:///x.db"):
        assert through_proxy(url) == ""


def test_a_dead_proxy_before_mlflow_and_before_an_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", DEAD)
    with pytest.raises(TrackingError, match=WORDS) as tracking:
        check_reachable("http://mlflow.invalid:5000")
    with Web(tries=1) as web, pytest.raises(WebError, match=WORDS) as archive:
        list(web.stream(["http://archive.invalid/file"], 10))
    assert not [each for each in (tracking, archive) if "hush" in str(each.value)]
