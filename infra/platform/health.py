"""Whether a server does its work, by one short question; `infra.platform.supervision` asks until it does."""

import urllib.request
from collections.abc import Mapping
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from infra.platform.state import BUCKET, Platform

_ANSWER_S: Final = 5.0


def healthy(platform: Platform, name: str) -> bool:
    """Whether a server does its work; asks it once."""
    if name == "s3":
        return _answers(f"{platform.s3}/healthz") and has_bucket(platform.s3, BUCKET, platform.variables())
    if name == "mlflow":
        return _answers(f"{platform.mlflow}/health")
    return _answers(f"{platform.dashboard}/api/jobs/", {"Authorization": f"Bearer {platform.keys.ray_token}"})


def has_bucket(endpoint: str, bucket: str, keys: Mapping[str, str]) -> bool:
    """Whether an S3 server lets these keys in and has the bucket, which it makes a moment after its start."""
    client = Session().create_client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
    )
    try:
        client.head_bucket(Bucket=bucket)
    except (ClientError, BotoCoreError):
        return False
    finally:
        client.close()
    return True


def _answers(url: str, headers: Mapping[str, str] | None = None) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is behind no proxy
    try:
        with opener.open(urllib.request.Request(url, headers=dict(headers or {})), timeout=_ANSWER_S) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
