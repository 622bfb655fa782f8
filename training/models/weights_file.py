"""Finds pretrained weights on this machine; never opens a connection.

`model.pretrained` is `imagenet`, for the file that the network's library keeps in its own cache, or the path of a
`.pth`, `.pt`, `.bin` or `.safetensors` file. A path does not identify the content of the file: two files under one path
make two trials with one trial_id. `PATH#DIGEST`, with the first 8 or more hex digits of the file's SHA-256 (`sha256sum
FILE`), ties the trial to the content, in any folder, and the file is refused when it holds something else.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from training.spec import SpecError
from training.spec.identity import PINNED

IMAGENET: Final = "imagenet"
"""The value of `model.pretrained` that means the weights of the network's own library."""

_HUB_DIGEST = re.compile(r"-(?P<digest>[0-9a-f]{8,64})\.")  # torch.hub's rule for the names of its files


def given_file(pretrained: str) -> Path:
    """The file of `PATH` or `PATH#DIGEST`; raises SpecError when there is none, or one of other content."""
    found = PINNED.fullmatch(pretrained)
    path = Path(found["path"] if found else pretrained).expanduser()
    if not path.is_file():
        raise SpecError(
            f"model.pretrained = {pretrained!r}: there is no file {str(path)!r}; give {IMAGENET!r}, the path of a file "
            "of weights, or nothing"
        )
    if found:
        check_digest(path, found["digest"].lower())
    return path


def torch_hub_file(url: str, network: str) -> Path:
    """The file that torch.hub would keep for `url`; raises SpecError that says where it must lie."""
    import torch

    name = url.rsplit("/", 1)[-1]
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    if not path.is_file():
        raise SpecError(
            f"the ImageNet weights of {network!r} are not on this machine and are never downloaded: put {url} at "
            f"{str(path)!r}, or give the path of a file as model.pretrained"
        )
    if found := _HUB_DIGEST.search(name):
        check_digest(path, found["digest"])
    return path


def hugging_face_file(repository: str, names: Sequence[str], network: str, revision: str | None = None) -> Path:
    """The first of `names` in the Hugging Face cache; raises SpecError that says how it gets there."""
    from huggingface_hub import constants, try_to_load_from_cache

    for name in names:
        path = try_to_load_from_cache(repository, name, revision=revision)
        if isinstance(path, str):
            return Path(path)
    command = f"hf download {repository} {names[0]}" + (f" --revision {revision}" if revision else "")
    raise SpecError(
        f"the pretrained weights of {network!r} are not on this machine and are never downloaded: {names[0]!r} of "
        f"{repository!r} is not in {constants.HF_HUB_CACHE!r}; run '{command}' where there is network, or give the "
        "path of a file as model.pretrained"
    )


def check_digest(path: Path, digest: str) -> None:
    """Raises SpecError when the SHA-256 of the file does not begin with `digest` (lower case hex)."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(digest):
        raise SpecError(
            f"{str(path)!r} is not the expected file: its SHA-256 begins with {found[: len(digest)]}, wanted "
            f"is {digest}; get it again, or correct the digest"
        )
