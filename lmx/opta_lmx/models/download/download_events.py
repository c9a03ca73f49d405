"""Events that a download process sends to LMX: one JSON object per line on its standard output."""

import os
import sys

import msgspec


class DownloadLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event"):
    """Base of every line."""


class DownloadFound(DownloadLine, frozen=True, kw_only=True, omit_defaults=True, tag="found"):
    """What a pull fetches: `bytes` in `files` files of the commit `revision`. `licence` is '' when the hub does not state one."""

    repo: str
    revision: str
    bytes: int
    files: int
    licence: str
    license_url: str = ""


class DownloadProgress(DownloadLine, frozen=True, kw_only=True, tag="progress"):
    """Bytes on disk with their checksum computed. Decreases when a file must be fetched again."""

    done: int
    total: int


class DownloadDone(DownloadLine, frozen=True, kw_only=True, tag="done"):
    """The model folder is complete."""

    revision: str
    bytes: int


class DownloadFailed(DownloadLine, frozen=True, kw_only=True, tag="failed"):
    """There is no model folder. `retryable`: the same pull can succeed later without a change."""

    message: str
    retryable: bool


DownloadEvent = DownloadFound | DownloadProgress | DownloadDone | DownloadFailed


def write_line(event: DownloadLine) -> None:
    """Write one line at once. Ends the process when LMX no longer reads."""
    try:
        sys.stdout.buffer.write(msgspec.json.encode(event) + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os._exit(1)
