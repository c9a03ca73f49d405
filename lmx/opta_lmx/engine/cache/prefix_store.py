"""Prefix store: KV caches on disk, for prefixes that memory cannot hold, and across restarts.

Limited in size, in age, and in bytes written per day, because an SSD wears; it leaves room on the disk. An entry is two files, the cache and its tokens; the name says
how many of its last tokens can be removed. An unreadable entry is deleted and computed again, so a damaged store never makes an
answer wrong.
"""

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from opta_core.logs import Log
from opta_core.paths import write_whole

TOKENS_MIN = 512
DAY_S = 86_400
# An entry that no prompt has used for so long is deleted.
KEPT_S = 7 * DAY_S
# Bytes that stay free on the disk.
FREE_MIN = 5 * 1024**3

log = Log("prefixes")


class Written(msgspec.Struct, frozen=True):
    """Bytes written on one day (days since the epoch)."""

    day: int = 0
    size: int = 0


class Stored(msgspec.Struct, frozen=True):
    """A cache, its tokens, and how many of its last tokens can be removed."""

    tokens: "np.ndarray[Any, np.dtype[np.int32]]"
    cache: list[Any]
    removable: int


class PrefixStore:
    """The folder of one model. `key`: a hash of its weights, template and library version, so that a changed model finds nothing."""

    def __init__(self, folder: Path, key: str, size_max: int, save: Callable[[str, list[Any]], None], load: Callable[[str], list[Any]]):
        self._folder = folder / key
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._size_max, self._save, self._load = size_max, save, load
        self._tokens: dict[str, np.ndarray[Any, np.dtype[np.int32]]] = {}
        for file in self._folder.parent.glob("*/*.safetensors"):
            with contextlib.suppress(OSError):
                if file.stat().st_mtime < time.time() - KEPT_S:
                    file.unlink()
                    file.with_suffix(".tokens").unlink()
        for file in self._folder.glob("*.tokens"):
            with contextlib.suppress(OSError, ValueError):
                self._tokens[file.stem] = np.fromfile(file, dtype=np.int32)

    def find(self, wanted: "np.ndarray[Any, Any]", shared_min: int) -> Stored | None:
        """The entry that saves the most tokens of a prompt; None when none saves `shared_min`."""
        best, most = "", shared_min - 1
        for name, tokens in self._tokens.items():
            shared = usable_tokens(tokens, _removable(name), wanted)
            if shared > most:
                best, most = name, shared
        if not best:
            return None
        try:
            cache = self._load(str(self._cache(best)))
            os.utime(self._cache(best))
        except Exception as error:  # whatever is wrong with the file, the prefix is computed instead
            log.warning("stored prefix cannot be read", file=self._cache(best), reason=error)
            self._remove(best)
            return None
        return Stored(self._tokens[best], cache, _removable(best))

    def keep(self, entry: Stored, tokens_min: int = TOKENS_MIN) -> bool:
        """Write an entry, unless it is shorter than `tokens_min`, present already, or exceeds the daily limit or the disk; whether it is there."""
        tokens = entry.tokens
        name = f"{hashlib.sha256(tokens.tobytes()).hexdigest()[:24]}-{entry.removable}"
        if name in self._tokens:
            return True
        if len(tokens) < tokens_min:
            return False
        written = self._written()
        if written.size >= self._size_max or shutil.disk_usage(self._folder).free < FREE_MIN:
            return False
        part = self._folder / f"{name}.part.safetensors"
        try:
            self._save(str(part), entry.cache)
            size = part.stat().st_size
            self._free_space(size)
            part.replace(self._cache(name))
            write_whole(self._folder / f"{name}.tokens", tokens.tobytes())
            write_whole(self._folder.parent / "written.json", msgspec.json.encode(Written(written.day, written.size + size)))
        except Exception as error:  # a full disk, or a cache of a kind that cannot be saved: it is computed again next time
            log.warning("prefix not stored", tokens=len(tokens), reason=error)
            with contextlib.suppress(OSError):
                part.unlink()
            return False
        self._tokens[name] = tokens
        return True

    def _written(self) -> Written:
        today = int(time.time() // DAY_S)
        with contextlib.suppress(OSError, msgspec.DecodeError):
            known = msgspec.json.decode((self._folder.parent / "written.json").read_bytes(), type=Written)
            if known.day == today:
                return known
        return Written(today, 0)

    def _free_space(self, size: int) -> None:
        """Delete least recently used entries of all models until `size` more bytes fit."""
        known = sorted((file.stat().st_mtime, file.stat().st_size, file) for file in self._folder.parent.glob("*/*.safetensors"))
        taken = sum(entry[1] for entry in known if ".part." not in entry[2].name)
        for _, freed, file in known:
            if taken + size <= self._size_max:
                return
            if ".part." not in file.name:
                taken -= freed
                with contextlib.suppress(OSError):
                    file.unlink()
                    file.with_suffix(".tokens").unlink()
                if file.parent == self._folder:
                    self._tokens.pop(file.stem, None)

    def _remove(self, name: str) -> None:
        self._tokens.pop(name, None)
        for file in (self._cache(name), self._folder / f"{name}.tokens"):
            with contextlib.suppress(OSError):
                file.unlink()

    def _cache(self, name: str) -> Path:
        return self._folder / f"{name}.safetensors"


def usable_tokens(tokens: "np.ndarray[Any, Any]", removable: int, wanted: "np.ndarray[Any, Any]") -> int:
    """How many tokens of a prompt a cache of `tokens` saves, when its last `removable` tokens can be removed. One is left to compute."""
    common = min(common_tokens(tokens, wanted), len(wanted) - 1)
    return common if len(tokens) - common <= removable else 0


def common_tokens(one: "np.ndarray[Any, Any]", other: "np.ndarray[Any, Any]") -> int:
    """The length of the common prefix."""
    size = min(len(one), len(other))
    different = one[:size] != other[:size]
    return int(different.argmax()) if different.any() else size


def _removable(name: str) -> int:
    number = name.partition("-")[2]
    return int(number) if number.isdigit() else 0
