"""What the prefix cache keeps in memory and what it moves to disk, with caches that are lists of tokens."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from opta_lmx.engine.cache import prefix_cache, prefix_store
from opta_lmx.engine.cache.prefix_cache import AWAY_TOKENS_MIN, UNUSED_MAX, PrefixCache
from opta_lmx.engine.cache.prefix_store import DAY_S, KEPT_S, PrefixStore

GIB = 1024**3


class ListTools:
    """A cache is [[token, ...]], and every token takes one byte."""

    def copy(self, cache: list[Any]) -> list[Any]:
        return [list(layer) for layer in cache]

    def settle(self, cache: list[Any]) -> None:
        return

    def trim(self, cache: list[Any], tokens: int) -> None:
        del cache[0][len(cache[0]) - tokens :]

    def removable(self, cache: list[Any]) -> int:
        return len(cache[0])

    def has_length(self, cache: list[Any], tokens: int) -> bool:
        return len(cache[0]) == tokens

    def size(self, cache: list[Any]) -> int:
        return len(cache[0])


def conversation(number: int, tokens: int = 600) -> list[int]:
    return [number] * tokens


def keep(cache: PrefixCache, tokens: list[int]) -> None:
    cache.keep(tokens, [list(tokens)])


def store(folder: Path, size_max: int = GIB) -> PrefixStore:
    def save(path: str, cache: list[Any]) -> None:
        Path(path).write_text(repr(cache))

    def load(path: str) -> list[Any]:
        return list(eval(Path(path).read_text()))

    return PrefixStore(folder / "prefixes", "model", size_max, save, load)


def test_requests_that_stand_alone_do_not_fill_the_memory() -> None:
    cache = PrefixCache(ListTools(), GIB)
    for number in range(200):
        keep(cache, conversation(number))
    assert cache.size == UNUSED_MAX * 600
    assert cache.find([*conversation(199), 1])[1] == 600 and cache.find([*conversation(0), 1])[1] == 0


def test_a_conversation_that_went_on_stays_while_others_come_and_go() -> None:
    cache = PrefixCache(ListTools(), GIB)
    keep(cache, conversation(1))
    longer = [*conversation(1), *conversation(2)]
    assert cache.find(longer)[1] == 600
    keep(cache, longer)
    for number in range(10, 60):
        keep(cache, conversation(number))
    assert cache.find([*longer, 3])[1] == 1200


def test_what_leaves_the_memory_is_read_from_disk(tmp_path: Path) -> None:
    cache = PrefixCache(ListTools(), GIB, store(tmp_path))
    for number in range(UNUSED_MAX + 1):
        keep(cache, conversation(number))
    found, known = cache.find([*conversation(0), 1])
    assert known == 600 and found == [conversation(0)]
    assert PrefixCache(ListTools(), GIB, store(tmp_path)).find([*conversation(0), 1])[1] == 600


def test_an_engine_that_ends_stores_what_there_is_time_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = PrefixCache(ListTools(), GIB, store(tmp_path))
    for number in range(3):
        keep(cache, conversation(number))
    monkeypatch.setattr(prefix_cache, "SAVE_S", -1.0)
    cache.save()
    assert not list(tmp_path.rglob("*.tokens"))
    monkeypatch.setattr(prefix_cache, "SAVE_S", 60.0)
    cache.save()
    assert len(list(tmp_path.rglob("*.tokens"))) == 3


def test_a_disk_that_is_nearly_full_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefix_store, "FREE_MIN", 2**62)
    cache = PrefixCache(ListTools(), GIB, store(tmp_path))
    keep(cache, conversation(1))
    cache.save()
    assert not list(tmp_path.rglob("*.tokens"))


def test_what_was_not_used_for_a_week_is_deleted(tmp_path: Path) -> None:
    cache = PrefixCache(ListTools(), GIB, store(tmp_path))
    for number in range(2):
        keep(cache, conversation(number))
    cache.save()
    old = sorted(tmp_path.rglob("*.safetensors"))[0]
    long_ago = time.time() - KEPT_S - DAY_S
    os.utime(old, (long_ago, long_ago))
    store(tmp_path)
    assert not old.exists() and len(list(tmp_path.rglob("*.tokens"))) == len(list(tmp_path.rglob("*.safetensors"))) == 1


def test_after_a_while_without_requests_what_nobody_continued_moves_to_disk(tmp_path: Path) -> None:
    cache = PrefixCache(ListTools(), GIB, store(tmp_path))
    keep(cache, conversation(1))
    longer = [*conversation(1), *conversation(2)]
    cache.find(longer)
    keep(cache, longer)
    for number in (3, 4):
        keep(cache, conversation(number))
    keep(cache, conversation(5, AWAY_TOKENS_MIN - 1))
    moved = 0
    while cache.give_back():
        moved += 1
    assert moved == 3 and cache.size == len(longer)
    assert [cache.find([*conversation(number), 9])[1] for number in (3, 4)] == [600, 600]


def test_without_a_store_or_with_a_full_disk_the_memory_keeps_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefix_store, "FREE_MIN", 2**62)
    for cache in (PrefixCache(ListTools(), GIB), PrefixCache(ListTools(), GIB, store(tmp_path))):
        keep(cache, conversation(1))
        for _ in range(3):
            if not cache.give_back():
                break
        else:
            raise AssertionError("what the disk refuses is not tried again and again")
        assert cache.size == 600
