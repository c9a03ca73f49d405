"""What the tool-worker reads of a folder's instructions: whatever lies at their names, it answers at once and stays in the workspace."""

import os
import socket
from pathlib import Path

import pytest

from opta_protocol.commands import ShownText, ShowTexts, WantedText
from opta_tools.files.prompt_texts import INSTRUCTION_BYTES_MAX, show


def instructions(workspace: Path, folder: str = "") -> ShownText:
    return show(ShowTexts(id=1, cwd=str(workspace), wanted=[WantedText(kind="instructions", paths=[folder])])).texts[0]


def test_agents_goes_before_claude_and_a_folder_below_has_another(tmp_path: Path) -> None:
    assert instructions(tmp_path) == ShownText()
    (tmp_path / "CLAUDE.md").write_text("claude\n")
    assert instructions(tmp_path) == ShownText(path="CLAUDE.md", text="claude\n", size=7)
    (tmp_path / "AGENTS.md").write_text("agents\n")
    assert instructions(tmp_path).path == "AGENTS.md"
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/AGENTS.md").write_text("below")
    assert instructions(tmp_path, "a/b") == ShownText(path="a/b/AGENTS.md", text="below", size=5)
    assert instructions(tmp_path, "a") == ShownText()
    assert instructions(tmp_path, "AGENTS.md") == ShownText()


@pytest.mark.parametrize("content", [b"", b" \n\t\n", b"\xef\xbb\xbf\n"])
def test_a_file_without_text_counts_as_missing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "AGENTS.md").write_bytes(content)
    assert instructions(tmp_path) == ShownText()
    (tmp_path / "CLAUDE.md").write_text("claude")
    assert instructions(tmp_path).text == "claude"


def test_a_link_within_the_workspace_is_followed_and_none_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "CLAUDE.md").write_text("claude")
    (tmp_path / "AGENTS.md").symlink_to("CLAUDE.md")
    assert instructions(tmp_path).text == "claude"
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "AGENTS.md").write_text("secret")
    for number, target in enumerate(("../outside/AGENTS.md", str(outside / "AGENTS.md"), "/proc/self/environ", "AGENTS.md")):
        (inside / "AGENTS.md").unlink(missing_ok=True)
        (inside / "AGENTS.md").symlink_to(target)
        found = instructions(inside)
        assert (found.path, found.text) == ("AGENTS.md", ""), number
        assert "outside" in found.problem
    (inside / "below").symlink_to(outside)
    assert not instructions(inside, "below").text
    assert not instructions(inside, "../outside").text


def test_a_link_to_credentials_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("KEY=1")
    (tmp_path / "AGENTS.md").symlink_to(".env")
    found = instructions(tmp_path)
    assert (found.text, "credentials" in found.problem) == ("", True)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "AGENTS.md")
    assert "not a regular file" in instructions(tmp_path).problem
    (tmp_path / "CLAUDE.md").write_text("claude")
    assert instructions(tmp_path).text == "claude"
    below = tmp_path / "below"
    (below / "AGENTS.md").mkdir(parents=True)
    assert "is a folder" in instructions(tmp_path, "below").problem
    short = tmp_path / "s"
    short.mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        os.chdir(short)
        listening.bind("AGENTS.md")
        assert instructions(short).problem


def test_a_huge_file_is_read_to_the_end_of_a_line(tmp_path: Path) -> None:
    line = "é" * 99 + "\n"
    (tmp_path / "AGENTS.md").write_text(line * 1000)
    os.truncate(tmp_path / "AGENTS.md", 10 * 1024**3)
    found = instructions(tmp_path)
    assert (found.size, found.is_whole) == (10 * 1024**3, False)
    assert len(found.text.encode()) <= INSTRUCTION_BYTES_MAX
    assert set(found.text.split("\n")[:-1]) == {line[:-1]}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Grüße".encode("latin-1"), "Grüße"),
        ("Grüße\n".encode("utf-16"), "Grüße\n"),
        (b"\xef\xbb\xbfplain", "plain"),
        ("a ü ü ü b".encode() + b"\xff", "a ü ü ü b?"),
    ],
)
def test_other_encodings_are_read(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "AGENTS.md").write_bytes(content)
    assert instructions(tmp_path).text == text


def test_a_binary_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "AGENTS.md").write_bytes(b"\x7fELF\0\0\1")
    assert "binary" in instructions(tmp_path).problem


def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "AGENTS.md").write_text("x")
    (tmp_path / "AGENTS.md").chmod(0)
    found = instructions(tmp_path)
    assert found.text == "x" if os.geteuid() == 0 else "permission denied" in found.problem


def test_another_folder_of_the_same_name_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "AGENTS.md").write_text("x")
    asked = ShowTexts(id=1, cwd=str(tmp_path), folder="1:1", wanted=[WantedText(kind="instructions", paths=[""])])
    assert "no longer the folder" in show(asked).texts[0].problem


@pytest.mark.parametrize("pointer", ["AGENTS.md", "@AGENTS.md\n", "./AGENTS.md", "@docs/rules.md"])
def test_a_file_that_only_names_another_stands_for_it(tmp_path: Path, pointer: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/rules.md").write_text("rules")
    (tmp_path / "below").mkdir()
    (tmp_path / "below/CLAUDE.md").write_text(pointer.replace("AGENTS.md", "other.md").replace("docs/", "../docs/"))
    (tmp_path / "below/other.md").write_text("rules")
    assert instructions(tmp_path, "below").text == "rules"
    (tmp_path / "AGENTS.md").write_text("CLAUDE.md")
    (tmp_path / "CLAUDE.md").write_text("rules")
    assert instructions(tmp_path).text == "rules"


@pytest.mark.parametrize("pointer", ["@../secret.md", "/etc/passwd.md", "@gone.md", "@AGENTS.md", "@.env.md"])
def test_a_pointer_leads_nowhere_else(tmp_path: Path, pointer: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.md").write_text("hunter2")
    (inside / ".env.md").symlink_to("../secret.md")
    (inside / "AGENTS.md").write_text(pointer)
    found = instructions(inside)
    assert "hunter2" not in found.text + found.problem and (found.text in ("", pointer))
