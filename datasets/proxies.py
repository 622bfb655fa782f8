"""Proxies that the environment names: one that is dead looks like a server that is away."""

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass


class Proxy(NamedTuple):
    """One proxy.

    Attributes:
        variable: Variable of the environment that names it, `HTTPS_PROXY`.
        host: Its host, never with the password that may stand before it.
        port: Its port.
    """

    variable: str
    host: str
    port: int

    @property
    def remedy(self) -> str:
        """What to do where it does not answer."""
        return f"correct or unset {self.variable}, or name the server in NO_PROXY"


def proxies() -> Iterator[Proxy]:
    """All of the environment."""
    for scheme, given in getproxies().items():
        try:
            parts = urlsplit(given if "://" in given else f"http://{given}")
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:  # a port that is no number
            continue
        if scheme != "no" and parts.hostname:
            yield Proxy(f"{scheme}_proxy".upper(), parts.hostname, port)


def through_proxy(url: str) -> str:
    """What to add where a server does not answer: that it was asked through a proxy; empty if it was not."""
    parts = urlsplit(url)
    if parts.hostname is None or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return ""
    for proxy in proxies():
        if proxy.variable in (f"{parts.scheme}_proxy".upper(), "ALL_PROXY"):
            return f", through the proxy {proxy.host}:{proxy.port} ({proxy.remedy})"
    return ""
