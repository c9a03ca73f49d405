"""The folders that a person trusts, as a list: which still are what was trusted, and which are not."""

import os

from opta_protocol.http_settings import TrustedFolder, TrustedFolders

from ..errors import Refused
from ..paths import Paths
from . import trust


def trusted_folders(paths: Paths) -> TrustedFolders:
    """Every trusted folder with its state of now, the last trusted first. Raises Broken when the records are damaged."""
    records = sorted(trust.read(paths).values(), key=lambda record: record.since, reverse=True)
    return TrustedFolders(file=str(trust.file_of(paths)), folders=[_folder(record) for record in records])


def _folder(record: trust.Record) -> TrustedFolder:
    try:
        state = trust.state_of(record, trust.take(record.path))
        said = "replaced" if state == "untrusted" else state
    except Refused:
        said = "replaced" if os.path.lexists(record.path) else "missing"
    return TrustedFolder(path=record.path, state=said, since=record.since, files=sorted(record.files))
