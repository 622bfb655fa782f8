"""Errors of the download; see `datasets.errors` for their shape."""

from datasets.errors import IceBenchError


class WebError(IceBenchError, OSError):
    """An address that does not bring its bytes, however often it is asked."""


class ArchiveListError(IceBenchError, OSError):
    """The archive's list of files cannot be had, or is not what it should be."""


class ArchiveChangedError(IceBenchError, OSError):
    """A file of an archive is not the one any more that its reading began with."""


class DownloadError(IceBenchError, OSError):
    """One file could not be fetched, or did not pass its checksum."""


class DiskSpaceError(IceBenchError, OSError):
    """The disk cannot hold what was asked for."""


class FolderError(IceBenchError, OSError):
    """The folder cannot be written, or another download is at work in it."""


class UnzipError(IceBenchError, ValueError):
    """A zip archive, or a member of one, that cannot be unpacked safely."""
