"""What Ray raises, as a sentence with the remedy."""

import pytest

from datasets.process.ray_trouble import trouble

HEAD = "10.0.0.1:6379"


@pytest.mark.parametrize(
    ("address", "said", "remedy"),
    [
        (
            "local",
            "AF_UNIX path length cannot exceed 107 bytes: /x/ray/plasma_store",
            "RAY_TMPDIR to a short",
        ),
        ("local", "[Errno 28] No space left on device: '/tmp/ray/session_1'", "make room"),
        ("local", "[Errno 13] Permission denied: '/tmp/ray/session_latest'", "RAY_TMPDIR to a folder that you can"),
        ("local", "[Errno 30] Read-only file system: '/home/me/.ray'", "RAY_AUTH_MODE=disabled"),
        ("local", "The configured object store size (12 GB) exceeds /dev/shm size (0.06 GB). This will", "--shm-size"),
        ("local", "[Errno 24] Too many open files", "ulimit -n"),
        ("local", "The current node timed out during startup. This could happen because", "session_latest/logs"),
        ("local", "something new", "look into the logs of Ray"),
        (
            HEAD,
            "Version mismatch: The cluster was started with:\n    Ray: 2.40.0\n    Python: 3.9",
            "use the same Ray",
        ),
        (
            HEAD,
            "RPC error: InvalidAuthToken: Authentication token is missing. Ensure",
            "set RAY_AUTH_MODE",
        ),
        (HEAD, "No node info found matching attributes: '10.0.0.9' when trying to resolve", "ray://HOST:10001"),
        (HEAD, "Failed to connect to Ray cluster at 10.0.0.1:6379", "look at the port"),
        ("ray://h:6379", "ray client connection timeout", "8265 is the dashboard"),
        (HEAD, "Failed to upload working_dir /tmp/x to the Ray cluster: Package size", "whether its head has room"),
        (HEAD, "something new", "the same RAY_AUTH_MODE; if it has, repeat"),
    ],
)
def test_each_kind_has_its_remedy(address: str, said: str, remedy: str) -> None:
    sentence = str(trouble(address, RuntimeError(said)))
    assert remedy in sentence
    assert said.splitlines()[0].partition(". ")[0] in sentence
    assert "\n" not in sentence


def test_the_cause_that_ray_wraps_decides() -> None:
    wrapped = ConnectionError("Failed to connect to Ray cluster at 10.0.0.1:6379")
    wrapped.__cause__ = RuntimeError("Traceback (most recent call last):\n x\nRpcError: InvalidAuthToken: it is wrong")
    assert "set RAY_AUTH_MODE" in str(trouble(HEAD, wrapped))
