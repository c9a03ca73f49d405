"""What a worker keeps for a session is given to its fork: long results, and contents that were replaced."""

import os
from pathlib import Path

import msgspec
import pytest

from opta_protocol.commands import ForkFiles, RunTool, ToolCommand
from opta_protocol.tools.file_access import ReadFile
from opta_tools.forked_files import fork_folder
from opta_tools.kept_results import KeptResults
from opta_tools.result import Outcome


def test_a_fork_reads_the_results_of_the_old_session(tmp_path: Path) -> None:
    results = KeptResults(tmp_path / "spills")
    call = RunTool(callId="c1", sid="abcdef", turn="t1", name="run_command", args={}, cwd="/w")
    results.keep(call, Outcome("x" * 100, whole="".join(f"line {number}\n" for number in range(9000))))
    fork_folder(tmp_path / "spills/abcdef", tmp_path / "spills/fedcba")
    for sid in ("abcdef", "fedcba"):
        assert "line 8000" in results.read(sid, ReadFile(path="output://c1", start_line=8001, end_line=8001)).content
    assert (tmp_path / "spills/fedcba").stat().st_mode & 0o777 == 0o700


def test_links_folders_and_half_written_files_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    fork_folder(old, new)
    assert not new.exists()
    (old / "folder").mkdir(parents=True)
    (old / "a").write_text("a")
    (old / "b.part").write_text("b")
    (old / "c").symlink_to("/etc/passwd")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    # A file system without hard links.
    monkeypatch.setattr(os, "link", refused)
    fork_folder(old, new)
    fork_folder(old, new)
    assert [(file.name, file.read_text()) for file in new.iterdir()] == [("a", "a")]


def test_the_worker_reads_the_request_for_it() -> None:
    asked = ForkFiles(sid="abcdef", new="fedcba")
    assert msgspec.json.decode(msgspec.json.encode(asked), type=ToolCommand) == asked
