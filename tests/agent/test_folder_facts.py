"""The look at a folder: on the event loop where its disk is local, in a thread where it may hang."""

import asyncio
import os
import sys
import threading
from pathlib import Path

import pytest

from opta_agent.folder_facts import LOCAL_S, FolderFacts, FolderLooks
from opta_core.local_disk import is_on_local_disk

MOUNTS = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw
23 22 0:5 / /proc rw - proc proc rw
24 22 0:40 / /home/a\040b rw - xfs /dev/sdb rw
25 22 0:41 / /net rw - nfs4 server:/x rw
26 25 8:2 / /net/disk rw - ext4 /dev/sdc rw
27 22 0:42 / /home/phone rw - fuse.sshfs phone: rw
28 22 0:43 / /nested rw - overlay overlay rw
29 28 0:44 / /nested/later rw - cifs //a/b rw
"""


@pytest.mark.parametrize(
    ("folder", "expected"),
    [("/srv/work", True), ("/home/a b/work", True), ("/home/a", True), ("/nested/x", True), ("/proc/self", False), ("/net/x", False),
     ("/net/disk/x", False), ("/home/phone", False), ("/home/phones", True), ("/nested/later", False), ("/nested/later/x", False)],
)  # fmt: skip
def test_a_folder_is_local_when_every_mount_above_it_is(
    folder: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    (tmp_path / "mounts").write_text(MOUNTS)
    assert is_on_local_disk(Path(folder), tmp_path / "mounts") is expected
    assert not is_on_local_disk(Path(folder), tmp_path / "missing")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not is_on_local_disk(Path(folder), tmp_path / "mounts")


def test_a_link_counts_as_the_folder_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "mounts").write_text(MOUNTS)
    (tmp_path / "link").symlink_to("/net/disk")
    assert is_on_local_disk(tmp_path, tmp_path / "mounts")
    assert not is_on_local_disk(tmp_path / "link", tmp_path / "mounts")


class Threads:
    """Notes in which thread a folder was looked at."""

    def __init__(self, *, is_local: bool):
        self.asked: list[bool] = []
        self._is_local = is_local

    def __call__(self, folder: Path) -> bool:
        self.asked.append(threading.current_thread() is threading.main_thread())
        return self._is_local


def test_a_local_folder_is_looked_at_in_a_thread_once_and_then_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        threads = Threads(is_local=True)
        looks = FolderLooks(threads)
        assert await looks.look(str(tmp_path)) == FolderFacts("", has_instructions=False)
        assert threads.asked == [False]
        (tmp_path / ".git").mkdir()
        (tmp_path / ".git/HEAD").write_text("ref: refs/heads/work\n")
        (tmp_path / "AGENTS.md").write_text("x")
        looked = looks.look(str(tmp_path))
        # A coroutine that waits for nothing ends at its first step.
        with pytest.raises(StopIteration) as ended:
            looked.send(None)
        assert ended.value.value == FolderFacts("work", has_instructions=True)
        assert threads.asked == [False]

    asyncio.run(story())


def test_a_folder_that_is_not_local_and_a_worktree_are_always_looked_at_in_a_thread(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/.git").write_text("gitdir: ../there\n")
    (tmp_path / "there").mkdir()
    (tmp_path / "there/HEAD").write_text("ref: refs/heads/side\n")

    async def story() -> None:
        away, here = Threads(is_local=False), Threads(is_local=True)
        for threads, folder, branch in ((away, tmp_path, ""), (here, tmp_path / "tree", "side")):
            looks = FolderLooks(threads)
            for _ in range(3):
                assert (await looks.look(str(folder))).branch == branch
            assert threads.asked == [False] * 3

    asyncio.run(story())


def test_whether_a_folder_is_local_is_asked_again_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        threads = Threads(is_local=True)
        looks = FolderLooks(threads)
        for after_s, asked in ((0, 1), (LOCAL_S - 1, 1), (LOCAL_S + 1, 2)):
            monkeypatch.setattr("opta_agent.folder_facts.now_s", lambda after_s=after_s: 1000 + after_s)
            await looks.look(str(tmp_path))
            assert len(threads.asked) == asked

    asyncio.run(story())


def test_a_folder_that_hangs_delays_a_turn_by_half_a_second_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hanging(path: str | os.PathLike[str], *more: object, **named: object) -> None:
        released.wait(20)
        raise FileNotFoundError(path)

    async def story() -> None:
        monkeypatch.setattr(os, "lstat", hanging)
        assert await FolderLooks().look(str(tmp_path)) == FolderFacts("", has_instructions=True)
        released.set()

    asyncio.run(story())
