"""Completion of paths: what a person means comes first, and what Opta does not read does not come at all."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from support.limits import limit_s

from opta_protocol.path_commands import FindPaths, PathsFound
from opta_tools.search import path_completion, ripgrep
from opta_tools.search.path_completion import Listing, PathCompletion, best

FILES = ["README.md", "src/app.py", "src/app_test.py", "src/deep/apple.py", "docs/my notes.txt", "docs/übersicht.md", "apple/x.py"]


@pytest.fixture(params=["ripgrep", "python"])
def finding(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace, looked at with and without ripgrep."""
    if request.param == "python":
        monkeypatch.setattr(ripgrep, "program", lambda: None)
    for name in FILES:
        put(tmp_path / name)
    return tmp_path


def put(file: Path, text: str = "x") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def find(folder: Path, q: str = "", limit: int = 50) -> PathsFound:
    return asyncio.run(PathCompletion().find(FindPaths(id=1, cwd=str(folder), q=q, limit=limit)))


@pytest.mark.parametrize(
    ("q", "first"),
    [
        ("", ["apple/", "docs/", "README.md", "src/"]),
        ("app", ["apple/", "src/app.py", "src/app_test.py", "src/deep/apple.py"]),
        ("src/", ["src/deep/", "src/app.py"]),
        ("./src/app.py", ["src/app.py"]),
        ("readme", ["README.md"]),
        ("MY NOTES", ["docs/my notes.txt"]),
        ("ÜBER", ["docs/übersicht.md"]),
        ("sdap", ["src/deep/apple.py"]),
        ("no such", []),
    ],
)
def test_the_likeliest_path_comes_first(finding: Path, q: str, first: list[str]) -> None:
    found = find(finding, q)
    assert (found.isWhole, found.problem) == (True, "")
    if q:
        assert found.paths[: len(first)] == first
    else:
        assert sorted(found.paths[: len(first)]) == sorted(first)


def test_ignored_files_credentials_and_git_itself_do_not_come(finding: Path) -> None:
    put(finding / ".gitignore", "build/\n*.log\n")
    put(finding / ".git/config")
    put(finding / "node_modules/left/pad.js")
    put(finding / "build/out.js")
    put(finding / "run.log")
    put(finding / ".env")
    put(finding / ".github/workflow.yml")
    put(finding / "deep/.ssh/id_rsa")
    (finding / "out").symlink_to("/etc")
    paths = find(finding).paths
    assert not [path for path in paths if path.startswith((".git/", "node_modules", "build", "run.log", ".env", "out"))]
    assert not [path for path in paths if path.endswith("id_rsa")]
    assert ".github/workflow.yml" in paths


def test_a_name_that_no_message_can_hold_does_not_come(finding: Path) -> None:
    (finding / "two\nlines.txt").write_text("x")
    Path(os.fsdecode(os.fsencode(finding) + b"/\xff.txt")).write_text("x")
    assert not [path for path in find(finding).paths if "lines" in path or "\udcff" in path]


def test_at_most_as_many_as_wanted_come_and_none_twice(finding: Path) -> None:
    assert len(find(finding, "p", limit=3).paths) == 3
    paths = find(finding, "ap", limit=200).paths
    assert len(paths) == len(set(paths))


def test_a_folder_that_is_gone_or_was_replaced_says_so(tmp_path: Path) -> None:
    assert "gone" in find(tmp_path / "gone").problem
    replaced = FindPaths(id=1, cwd=str(tmp_path), folder="1:1")
    assert "no longer" in asyncio.run(PathCompletion().find(replaced)).problem


def test_many_credentials_do_not_displace_what_is_meant(tmp_path: Path) -> None:
    for number in range(60):
        put(tmp_path / f"{number}/.env")
    put(tmp_path / "deep/below/env_notes.md")
    assert find(tmp_path, "env", limit=5).paths == ["deep/below/env_notes.md"]


def test_an_old_listing_is_used_while_the_next_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path_completion, "FRESH_S", 0.0)

    async def typed() -> list[list[str]]:
        completion, found = PathCompletion(), list[list[str]]()
        for name in ("a.py", "b.py"):
            put(tmp_path / name)
            found.append((await completion.find(FindPaths(id=1, cwd=str(tmp_path)))).paths)
        async with asyncio.timeout(limit_s(10)):
            while found[-1] != ["a.py", "b.py"]:
                found.append((await completion.find(FindPaths(id=1, cwd=str(tmp_path)))).paths)
        await completion.close()
        return found

    assert asyncio.run(typed())[:2] == [["a.py"], ["a.py"]]


def test_keys_of_one_word_list_the_folder_once_and_a_failed_listing_is_tried_again(tmp_path: Path) -> None:
    async def typed() -> list[list[str]]:
        completion = PathCompletion()

        async def paths(q: str) -> list[str]:
            return (await completion.find(FindPaths(id=1, cwd=str(tmp_path / "work"), q=q))).paths

        before = await paths("a")
        put(tmp_path / "work/a.py")
        first = await paths("a")
        put(tmp_path / "work/ab.py")
        return [before, first, await paths("ab")]

    assert asyncio.run(typed()) == [[], ["a.py"], []]


@pytest.mark.alone
def test_a_hundred_thousand_files_are_completed_while_a_person_types(tmp_path: Path) -> None:
    for folder in range(100):
        (tmp_path / f"folder{folder}").mkdir()
        for number in range(1000):
            (tmp_path / f"folder{folder}/module_{number}.py").touch()

    async def timed() -> tuple[list[float], PathsFound]:
        completion, took = PathCompletion(), list[float]()
        found = PathsFound(id=0)
        for q in ("m", "mo", "module_77", "folder9/77", "zzz"):
            began = time.monotonic()
            found = await completion.find(FindPaths(id=1, cwd=str(tmp_path), q=q))
            took.append(time.monotonic() - began)
        return took, found

    took, last = asyncio.run(timed())
    assert last.paths == []
    assert last.isWhole
    assert took[0] < limit_s(3)
    assert max(took[1:]) < limit_s(1), took


def test_the_order_does_not_depend_on_the_order_of_the_listing() -> None:
    paths = sorted(["b/app", "a/app", "app", "app/x"])
    assert best(Listing(paths, paths, is_whole=True), "app", 10) == ["app", "a/app", "b/app", "app/x"]
