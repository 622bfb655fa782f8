"""URLs, and what may go wrong at them: one language for disk and object storage, errors that a person can act on.

Endpoint and credentials come from where the store's own client looks (`AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`,
`AWS_PROFILE`, ...), never from a URL, and nothing that a server or a client says about them is repeated in a message.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from datasets.errors import LakeAccessError

_DRIVERS: Final = {
    "http": "aiohttp",
    "https": "aiohttp",
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
}


def is_url(place: str) -> bool:
    """Whether a place is named by a URL; else it is a path of this machine."""
    return "://" in place


def absolute(url: str) -> str:
    """Workers have another working folder: a path becomes absolute, a URL stays; no trailing slash.

    Raises:
        LakeAccessError: The URL holds a password; it would end up in logs and process lists.
    """
    bare = url.rstrip("/")
    if is_url(bare) and "@" in (host := bare.partition("://")[2].partition("/")[0]) and ":" in host:
        raise LakeAccessError(
            f"a {scheme_of(url)}:// URL with a password in it is not allowed: put credentials into the environment or "
            "a profile, and give the URL without them"
        )
    return bare if is_url(bare) else str(Path(bare).expanduser().resolve())


def storage_options(url: str) -> dict[str, Any] | None:
    """What fsspec, zarr and xarray are given beside the URL."""
    if scheme_of(url) not in ("s3", "s3a"):
        return None
    return {
        "use_listings_cache": False,  # another process writes the same lake: a remembered listing is a wrong one
        "max_concurrency": 1,  # of one object: more would cost a HEAD before every GET
    }


@contextmanager
def access(url: str) -> Iterator[None]:
    """Turns what storage clients raise into one sentence; a missing object stays FileNotFoundError.

    Raises:
        LakeAccessError: No driver, no or wrong credentials, a right that is missing, or a server that does not answer.
    """
    try:
        yield
    except LakeAccessError:
        raise
    except PermissionError as error:
        code = getattr(error.__cause__, "response", {}).get("Error", {}).get("Code", "")
        detail = f" ({code})" if code.isalnum() else ""
        hint = (
            "check the credentials in the environment or profile (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
            "AWS_PROFILE) and that they may read, and for a build write, list and delete there"
            if scheme_of(url).startswith("s3")
            else "check who may read and write there"
        )
        raise LakeAccessError(f"access to {url!r} was refused{detail}: {hint}") from error
    except ImportError as error:
        driver = _DRIVERS.get(scheme_of(url))
        if driver is None:
            raise
        raise LakeAccessError(
            f"{url!r} needs the fsspec driver {driver}, which is not installed: `pip install {driver}`"
        ) from error
    except ValueError as error:
        if "Protocol not known" not in str(error):
            raise
        raise LakeAccessError(
            f"{url!r} has the scheme {scheme_of(url)!r}, which fsspec does not know: give a path, s3://, gs:// or az://"
        ) from error
    except Exception as error:
        if not type(error).__module__.startswith(("botocore.", "aiobotocore.", "aiohttp.")):
            raise
        trouble = _client_trouble(url, type(error).__name__)
        raise LakeAccessError(f"{url!r} cannot be reached: {trouble}") from error


def scheme_of(url: str) -> str:
    """`s3` of `s3://bucket/key`, in small letters; empty for a path."""
    return url.partition("://")[0].lower() if is_url(url) else ""


def _client_trouble(url: str, kind: str) -> str:
    """What to do about an error of a client, by its name: its text may hold an endpoint with a password."""
    if scheme_of(url).startswith("http"):
        return f"the server does not answer ({kind}); check the address"
    if "Credentials" in kind or "Token" in kind:
        return (
            "no complete credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, "
            "or AWS_PROFILE to a profile that has them"
        )
    if "Profile" in kind or "Config" in kind:
        return f"the AWS profile cannot be used ({kind}); check AWS_PROFILE and the files in ~/.aws"
    return f"the server does not answer ({kind}); check AWS_ENDPOINT_URL and that the server runs"
