"""What is published: archives, each pinned to a version since a later version is another dataset, and their files."""

from dataclasses import dataclass
from typing import Final

from datasets.errors import unknown_name
from datasets.scene import Archive as Split


@dataclass(frozen=True, kw_only=True)
class Archive:
    """One published article.

    Attributes:
        name: What users call it.
        article: Number of the article.
        version: Number of its version.
        split: Value of `build --split` for its scenes.
    """

    name: str
    article: int
    version: int
    split: Split

    @property
    def page(self) -> str:
        """Where a person finds the files with a browser."""
        return f"https://doi.org/10.11583/DTU.{self.article}.v{self.version}"


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """One file of an archive, as its list describes it.

    Attributes:
        name: Safe as a file name.
        size: Bytes.
        md5: Hex digits, lower case; empty where the list has none.
        urls: Stable addresses, the first is asked first. None of them is a signed address that expires.
    """

    name: str
    size: int
    md5: str
    urls: tuple[str, ...]


ARCHIVES: Final = {
    archive.name: archive
    for archive in (
        Archive(name="raw-train", article=21284967, version=3, split="train"),
        Archive(name="raw-test", article=21762848, version=2, split="test"),
        Archive(name="rtt-train", article=21316608, version=3, split="train"),
        Archive(name="rtt-test", article=21762830, version=2, split="test"),
    )
}


def find_archive(name: str) -> Archive:
    """The archive of that name; raises UnknownNameError if there is none."""
    if name not in ARCHIVES:
        raise unknown_name("archive", name, ARCHIVES)
    return ARCHIVES[name]
