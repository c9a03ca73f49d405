"""Which folders a person trusts: real path, device, inode, and a hash of everything in them that could loosen rules.

Kept in `daemon/trust.json`, 0600, replaced whole. A changed byte of `.opta/**` or `.mcp.json` ends the trust until it is
given anew. Nothing of the folder is run or followed to find out.
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
from ..paths import Paths, write_whole

FILES_MAX = 200
BYTES_MAX = 1024 * 1024
WATCHED = (".opta", ".mcp.json")

State = Literal["untrusted", "trusted", "changed"]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A trusted folder as it was when a person said yes; `files` maps each watched file to its content's sha256."""

    path: str
    device: int
    inode: int
    sha256: str
    files: dict[str, str]
    # What the watched text files said, so that a change can be shown.
    texts: dict[str, str] = {}
    since: str = ""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The watched files of a folder now. `problem`: why it cannot be trusted as it is, '' when it can."""

    path: str
    device: int
    inode: int
    sha256: str
    contents: dict[str, bytes]
    problem: str = ""


def take(folder: str) -> Snapshot:
    """Read the watched files of a folder. Raises Refused when there is no such folder."""
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
    """Path -> record. A damaged file trusts nothing: Broken says so."""
    try:
        return msgspec.json.decode(_file(paths).read_bytes(), type=dict[str, Record])
    except FileNotFoundError:
        return {}
    except (msgspec.DecodeError, OSError) as error:
        raise Broken(f"{_file(paths)} cannot be read ({error}). Move it away and trust your folders anew.") from error


def state_of(record: Record | None, snapshot: Snapshot) -> State:
    """Whether what was trusted is what lies there."""
    if record is None or (record.device, record.inode) != (snapshot.device, snapshot.inode):
        return "untrusted"
    return "trusted" if record.sha256 == snapshot.sha256 and not snapshot.problem else "changed"


def give(paths: Paths, folder: str, sha256: str) -> Record:
    """Trust a folder as it was shown (`sha256`). Raises Refused when it has changed since, or cannot be trusted."""
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
    _write(paths, {**read(paths), snapshot.path: record})
    return record


def withdraw(paths: Paths, folder: str) -> bool:
    """Trust a folder no more; False when it was not trusted."""
    records = read(paths)
    if records.pop(os.path.realpath(folder), None) is None:
        return False
    _write(paths, records)
    return True


def signature(folder: str) -> tuple[object, ...]:
    """Changes whenever a watched file may have changed; costs a few stats."""
    found: list[object] = []
    with contextlib.suppress(OSError):
        found.append(_stamp(os.stat(folder)))
    waiting = [f"{folder}/{name}" for name in WATCHED]
    while waiting and len(found) < 2 * FILES_MAX:
        path = waiting.pop()
        try:
            seen = os.lstat(path)
            found.append((path, _stamp(seen)))
            if stat.S_ISDIR(seen.st_mode):
                waiting += [entry.path for entry in os.scandir(path)]
        except OSError:
            continue
    return tuple(found)


def _stamp(seen: os.stat_result) -> tuple[int, ...]:
    return seen.st_dev, seen.st_ino, seen.st_mode, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


def _watched(root: int) -> Iterator[tuple[str, bytes]]:
    """(relative name, content) of every watched file; a link or a device stands with what it is instead."""
    waiting = list(WATCHED)
    while waiting:
        name = waiting.pop()
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=root)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise OSError(error.errno, "it is a link or cannot be read", name) from error
        with os.fdopen(descriptor, "rb", closefd=True) if stat.S_ISREG(os.fstat(descriptor).st_mode) else _Folder(descriptor) as opened:
            if isinstance(opened, _Folder):
                if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
                    raise OSError(0, "it is neither a file nor a folder", name)
                waiting += sorted(f"{name}/{entry}" for entry in os.listdir(descriptor))
            else:
                yield name, opened.read(BYTES_MAX + 1)


class _Folder:
    def __init__(self, descriptor: int):
        self._descriptor = descriptor

    def __enter__(self) -> "_Folder":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _file(paths: Paths) -> Path:
    return paths.daemon / "trust.json"


def _write(paths: Paths, records: dict[str, Record]) -> None:
    _file(paths).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(_file(paths), msgspec.json.encode(records))
