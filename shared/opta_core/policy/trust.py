"""The folders that a person trusts, each with its real path, device, inode, and a hash of every file that could loosen rules.

Trust records are stored in `daemon/trust.json` (mode 0600, replaced as a whole). A changed byte in `.opta/**` or `.mcp.json` suspends
the trust until a person gives it again. Checking runs nothing in the folder and follows no link.

**Invariant:** rules that trust enables are parsed from the bytes of the `Snapshot` whose hash was compared, never from a second read.
"""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from ..clock import utc_now
from ..errors import Broken, Refused
from ..paths import Paths
from ..records import RecordFile
from ..worktree_records import identity_of, repository_folder, worktree_records

FILES_MAX = 200
BYTES_MAX = 1024 * 1024
DEPTH_MAX = 32
WATCHED = (".opta", ".mcp.json")

State = Literal["untrusted", "trusted", "changed"]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A trusted folder as it was when a person trusted it. `files` maps each watched file to the sha256 of its content."""

    path: str
    device: int
    inode: int
    sha256: str
    files: dict[str, str]
    # The beginnings of the watched files as text, so that a change can be shown.
    texts: dict[str, str] = {}
    since: str = ""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The watched files of a folder at one moment. `problem`: why the folder cannot be trusted; '' when it can."""

    path: str
    device: int
    inode: int
    sha256: str
    contents: dict[str, bytes]
    problem: str = ""


def take(folder: str) -> Snapshot:
    """Read the watched files of a folder. Raises Refused when the folder cannot be opened."""
    real = os.path.realpath(folder)
    try:
        root = os.open(real, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(f"{folder} is not a folder that can be opened: {error.strerror}.") from error
    contents: dict[str, bytes] = {}
    problem = ""
    seen = os.fstat(root)
    try:
        for name, content in _watched(root):
            contents[name] = content
            if len(contents) > FILES_MAX or sum(map(len, contents.values())) > BYTES_MAX:
                problem = f"{real}/.opta holds more than {FILES_MAX} files or {BYTES_MAX} bytes"
                break
    except OSError as error:
        problem = f"{error.filename}: {error.strerror}"
    finally:
        os.close(root)
    digest = hashlib.sha256()
    for name in sorted(contents):
        digest.update(f"{name}\0{hashlib.sha256(contents[name]).hexdigest()}\n".encode())
    return Snapshot(path=real, device=seen.st_dev, inode=seen.st_ino, sha256=digest.hexdigest(), contents=contents, problem=problem)


def read(paths: Paths) -> dict[str, Record]:
    """Real path -> trust record. Raises Broken when the file is damaged; then no folder is trusted."""
    return _records(paths).read()


def record_for(paths: Paths, real: str) -> Record | None:
    """The trust record that holds for a folder: its record, or for a worktree that Opta made, that of the folder in the repository.

    So a worktree is trusted while the repository is, and while its watched files are what was trusted there. Raises Broken.
    """
    records = read(paths)
    if (found := records.get(real)) is not None:
        return found
    source = repository_folder(worktree_records(paths).read(), real)
    record = records.get(source) if source else None
    if record is None or identity_of(source) != f"{record.device}:{record.inode}":
        return None
    device, _, inode = identity_of(real).partition(":")
    return msgspec.structs.replace(record, path=real, device=int(device or 0), inode=int(inode or 0))


def state_of(record: Record | None, snapshot: Snapshot) -> State:
    """Whether a folder is still what was trusted."""
    if record is None or (record.device, record.inode) != (snapshot.device, snapshot.inode):
        return "untrusted"
    return "trusted" if record.sha256 == snapshot.sha256 and not snapshot.problem else "changed"


def trusted(paths: Paths, folder: str) -> Snapshot | None:
    """The watched files of a folder that the user trusts as they are; None for any other folder. Raises Refused, Broken."""
    record = read(paths).get(os.path.realpath(folder))
    # Nothing of a folder without a trust record is read.
    if record is None:
        return None
    snapshot = take(folder)
    return snapshot if state_of(record, snapshot) == "trusted" else None


def give(paths: Paths, folder: str, sha256: str) -> Record:
    """Trust a folder whose snapshot had the hash `sha256` when a person saw it. Raises Refused when it has changed or cannot be trusted."""
    snapshot = take(folder)
    if snapshot.problem:
        raise Refused(f"{snapshot.path} cannot be trusted: {snapshot.problem}.")
    if snapshot.sha256 != sha256:
        raise Refused(f"{snapshot.path} has changed since it was shown. Look at it again.")
    record = Record(
        path=snapshot.path,
        device=snapshot.device,
        inode=snapshot.inode,
        sha256=sha256,
        files={name: hashlib.sha256(content).hexdigest() for name, content in snapshot.contents.items()},
        texts={name: content.decode(errors="replace")[:16_384] for name, content in snapshot.contents.items()},
        since=utc_now(),
    )
    _records(paths).update(lambda records: {**records, snapshot.path: record})
    return record


def withdraw(paths: Paths, folder: str) -> bool:
    """End the trust in a folder; False when it was not trusted."""
    real = os.path.realpath(folder)
    if real not in read(paths):
        return False
    _records(paths).update(lambda records: {path: record for path, record in records.items() if path != real})
    return True


def signature(folder: str) -> tuple[tuple[object, ...], int]:
    """(a value that differs whenever a watched file may have changed, the time of the newest change in ns). Costs a few `stat` calls."""
    found: list[object] = []
    newest = 0
    with contextlib.suppress(OSError):
        seen = os.stat(folder)
        found.append(_stamp(seen))
    waiting = [f"{folder}/{name}" for name in WATCHED]
    while waiting and len(found) < 2 * FILES_MAX:
        path = waiting.pop()
        try:
            seen = os.lstat(path)
            found.append((path, _stamp(seen)))
            newest = max(newest, seen.st_ctime_ns)
            if stat.S_ISDIR(seen.st_mode):
                waiting += [entry.path for entry in os.scandir(path)]
        except OSError:
            continue
    return tuple(found), newest


def _stamp(seen: os.stat_result) -> tuple[int, ...]:
    return seen.st_dev, seen.st_ino, seen.st_mode, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


def _watched(root: int) -> Iterator[tuple[str, bytes]]:
    """(relative name, content) of every watched file. Each is opened relative to its opened folder. Raises OSError for links and devices."""
    for name in WATCHED:
        yield from _beneath(root, name, name)


def _beneath(folder: int, entry: str, name: str) -> Iterator[tuple[str, bytes]]:
    if name.count("/") > DEPTH_MAX:
        raise OSError(0, f"it lies more than {DEPTH_MAX} folders deep", name)
    try:
        descriptor = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise OSError(error.errno, "it is a link or cannot be read", name) from error
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode):
            yield name, _whole(descriptor)
        elif stat.S_ISDIR(mode):
            for below in sorted(os.listdir(descriptor)):
                yield from _beneath(descriptor, below, f"{name}/{below}")
        else:
            raise OSError(0, "it is neither a file nor a folder", name)
    finally:
        os.close(descriptor)


def _whole(descriptor: int) -> bytes:
    found = b""
    while len(found) <= BYTES_MAX and (piece := os.read(descriptor, BYTES_MAX + 1 - len(found))):
        found += piece
    return found


def file_of(paths: Paths) -> Path:
    """The file that holds the trust records of a home."""
    return paths.daemon / "trust.json"


def _records(paths: Paths) -> RecordFile[dict[str, Record]]:
    return RecordFile(file_of(paths), _DECODER, dict[str, Record], _damaged)


def _damaged(file: Path, error: Exception) -> Broken:
    return Broken(f"{file} cannot be read ({error}). Move it away and trust your folders again.")


_DECODER = msgspec.json.Decoder(dict[str, Record])
