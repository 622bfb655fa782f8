"""What storage clients raise, as one sentence that names the wrong part of an address and what to do about it.

Nothing that a server or a client says is repeated but names that a person gave: an endpoint may hold a password.
"""

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from fsspec.registry import known_implementations

from datasets.errors import LakeAccessError
from datasets.proxies import proxies

_KEYS: Final = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
_CHECK_KEYS: Final = f"check the credentials in the environment or profile ({_KEYS})"
_CLIENTS: Final = ("botocore.", "aiobotocore.", "aiohttp.")

_ENDPOINTS: Final = ("FSSPEC_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")

_REFUSALS: Final = {
    "SignatureDoesNotMatch": f"{_CHECK_KEYS}: the secret does not fit the key",
    "InvalidAccessKeyId": f"{_CHECK_KEYS}: the server does not know the key",
    "ExpiredToken": "the session token has expired: get new credentials, and set all three of them (AWS_SESSION_TOKEN)",
    "InvalidToken": "check AWS_SESSION_TOKEN: it is not of these keys; unset it for keys that need none",
    "RequestTimeTooSkewed": "the clock of this machine differs from the server's by more than the server allows: set "
    "it, for instance by NTP",
}
"""What to do, by the code of S3's answer."""

_FULL: Final = ("QuotaExceeded", "XMinioStorageFull", "InsufficientCapacity", "InsufficientStorage")
"""S3's codes for a bucket without room, by several servers."""

_BROKEN_PLACES: Final = {
    errno.ENAMETOOLONG: "a name in it is too long",
    errno.ELOOP: "its links lead in a circle",
    errno.ENOTDIR: "a part of it is a file, not a folder",
    errno.EISDIR: "it is a folder, not a file",
    errno.EROFS: "its disk cannot be written",
}


def sentence_of(url: str, error: Exception) -> str | None:
    """One sentence without a secret; None for what says enough itself, or is a bug."""
    chain = list(_causes(error))
    code = next(filter(None, map(_code, chain)), "")
    if code == "NoSuchBucket":
        return no_bucket(url)
    if code in _FULL:
        return f"{url!r} cannot be written: there is no room left ({code}); free some, or have the quota raised"
    if isinstance(error, ImportError):
        return _no_driver(url, chain)
    if isinstance(error, FileNotFoundError):
        return None
    if isinstance(error, ValueError) and "Protocol not known" in str(error):
        return _unknown_scheme(url)
    if isinstance(error, PermissionError) or code in _REFUSALS:
        return f"access to {url!r} was refused{f' ({code})' if code else ''}: {_refusal(url, code)}"
    if code == "InvalidBucketName":
        return f"{url!r} cannot be reached: {_bad_bucket_words(url)}"
    if code == "KeyTooLongError":
        return f"{url!r} cannot be used: a path in a bucket has at most 1024 bytes; give a shorter one"
    # Errors that know the host come first: it may be that of a proxy.
    for each in sorted(chain, key=lambda each: getattr(each, "host", None) is None) if "://" in url else ():
        if (found := _by_kind(url, each)) is not None:
            return f"{url!r} cannot be reached: {found}"
    if code:
        return f"{url!r} cannot be used: the server answers {code}; check the address, and the log of the server"
    if isinstance(error, OSError) and (what := _BROKEN_PLACES.get(error.errno or 0)) is not None:
        return f"{url!r} cannot be used: {what}; give another place"
    if type(error).__module__.startswith(_CLIENTS):
        return f"{url!r} cannot be reached: the server does not answer ({type(error).__name__}); check {_where(url)}"
    if isinstance(error, OSError) and error.errno is None and "://" in url:
        return f"{url!r} cannot be reached: its driver does not start; see what it needs ({type(error).__name__})"
    return None


def check_settings() -> None:
    """Raises LakeAccessError for settings of S3 that its client would try again and again, for half a minute."""
    name = next(filter(os.environ.get, _ENDPOINTS), "")
    before, _, host = os.environ.get(name, "").rpartition("@")
    if before:
        raise LakeAccessError(
            f"the endpoint {host!r} in {name} has a name or a password before it: take it out, keys are given apart"
        )
    bundle = os.environ.get("AWS_CA_BUNDLE")
    if bundle and not Path(bundle).exists():
        raise LakeAccessError(f"AWS_CA_BUNDLE names {bundle!r}, which is not there: correct or unset it")


def no_bucket(url: str) -> str:
    """What to do where a write finds no bucket."""
    return f"there is no bucket for {url!r}: make the bucket first, or give the URL of another"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, what it is from, and so on."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _code(error: BaseException) -> str:
    """S3's code of an answer, `NoSuchBucket`."""
    response: Any = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
    return code if str(code).isalnum() else ""


def _by_kind(url: str, error: BaseException) -> str | None:
    """What is wrong, by the kind of an error of a client."""
    kind, text = type(error).__name__, str(error)
    given: Any = getattr(error, "kwargs", {})
    if kind == "EndpointResolutionError" or (isinstance(error, ValueError) and text.startswith("Invalid endpoint")):
        return _bad_endpoint()
    if kind == "InvalidRegionError":
        return (
            f"{given.get('region_name')!r} is no name of a region; set AWS_DEFAULT_REGION to one such as eu-north-1 "
            "(us-east-1 where the server has none)"
        )
    if kind == "ParamValidationError":
        return _bad_bucket_words(url) if "bucket name" in text else None
    if "SSO" in kind or kind in ("TokenRetrievalError", "LoginRefreshRequired"):
        return "the sign-in of the AWS profile has expired; sign in again (`aws sso login`)"
    if "Credential" in kind or "Token" in kind:
        return (
            "no complete credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, "
            "or AWS_PROFILE to a profile that has them (FSSPEC_S3_ANON=true reads a public bucket without)"
        )
    if "Profile" in kind or "Config" in kind:
        return f"the AWS profile cannot be used ({kind}); check AWS_PROFILE and the files in ~/.aws"
    if isinstance(status := getattr(error, "status", None), int) and status >= 400:
        what = "refuses" if status in (401, 403, 407) else "fails"
        return f"the server {what} (HTTP {status}); check the address, and who may read there"
    return _by_connection(url, error)


def _by_connection(url: str, error: BaseException) -> str | None:
    """What is wrong on the way to a server."""
    kind = type(error).__name__
    host, port = getattr(error, "host", None), getattr(error, "port", None)
    at = f"{host}:{port}" if host and port else _address(url)
    proxy = next((each for each in proxies() if (each.host, each.port) == (host, port)), None)
    if proxy is not None:
        return f"the proxy {at} does not answer; {proxy.remedy}"
    if "Proxy" in kind:
        return "the proxy does not answer; correct or unset HTTP_PROXY and HTTPS_PROXY"
    inner = getattr(error, "os_error", None) or error
    if isinstance(inner, socket.gaierror) or "DNS" in kind:
        return f"the host of {at} is unknown; check {_where(url)}"
    if isinstance(inner, ssl.SSLCertVerificationError) or "Certificate" in kind:
        remedy = "AWS_CA_BUNDLE" if _is_s3(url) else "SSL_CERT_FILE"
        return f"the certificate of {at} is not trusted here; set {remedy} to the file of who signed it"
    if isinstance(inner, ssl.SSLError):
        return f"{at} does not speak https; check http:// or https:// in {_where(url)}"
    if isinstance(inner, ConnectionRefusedError):
        return f"the server does not answer (nothing listens at {at}); check {_where(url)} and that the server runs"
    if isinstance(inner, TimeoutError) or "Timeout" in kind:
        return f"the server does not answer in time (at {at}); check {_where(url)} and that the server runs"
    return None


def _refusal(url: str, code: str) -> str:
    if not _is_s3(url):
        return "check who may read and write there"
    if code in _REFUSALS:
        return _REFUSALS[code]
    if os.environ.get("FSSPEC_S3_ANON", "").lower() == "true":
        return f"the bucket is not public; unset FSSPEC_S3_ANON and give credentials ({_KEYS})"
    return f"{_CHECK_KEYS} and that they may read, and for a build write, list and delete there"


def _bad_endpoint() -> str:
    name = next((name for name in _ENDPOINTS if os.environ.get(name)), "")
    shown = os.environ.get(name, "").rpartition("@")[2]
    bare = shown.partition("://")[2] if "://" in shown else shown
    where, given = (name, f" {bare!r}") if name else ("endpoint_url of the AWS profile", "")
    if name and "://" not in os.environ[name]:
        return f"the endpoint{given} has no http:// or https:// before it; correct {where}"
    return f"the endpoint{given} is not http:// or https:// with a host and a port up to 65535; correct {where}"


def _bad_bucket_words(url: str) -> str:
    bucket = url.partition("://")[2].partition("/")[0]
    return f"{bucket!r} is no name of a bucket (3 to 63 small letters, digits, hyphens and dots); correct the URL"


def _unknown_scheme(url: str) -> str:
    scheme = url.partition("://")[0]
    near = get_close_matches(scheme, known_implementations, n=1)
    hint = f" (did you mean {near[0]}://?)" if near else ""
    return f"{url!r} has the scheme {scheme!r}, which fsspec does not know: give a path, s3://, gs:// or az://{hint}"


def _no_driver(url: str, chain: list[BaseException]) -> str | None:
    known = known_implementations.get(url.partition("://")[0].lower())
    if known is None:
        return None
    driver = known["class"].partition(".")[0]
    if driver == "fsspec":  # its own driver, which lacks a package
        driver = next((each.name for each in reversed(chain) if isinstance(each, ImportError) and each.name), driver)
        return f"{url!r} needs the package {driver}, which is not installed: `pip install {driver}`"
    return f"{url!r} needs the fsspec driver {driver}, which is not installed: `pip install {driver}`"


def _is_s3(url: str) -> bool:
    return url.lower().startswith(("s3:", "s3a:"))


def _where(url: str) -> str:
    """Where the address of the server is from."""
    return (next(filter(os.environ.get, _ENDPOINTS), "AWS_ENDPOINT_URL")) if _is_s3(url) else "the address"


def _address(url: str) -> str:
    """Host and port of the server, as far as they are known."""
    given = os.environ.get(_where(url), "") if _is_s3(url) else url
    try:
        parts = urlsplit(given)
        return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or "the server"
    except ValueError:
        return "the server"
