"""The escape matrix, measured: what each containment stops. The weaker one says that it is weaker, and is."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.escapes import ESCAPES, table, tries

from opta_tools.sandbox import seatbelt
from opta_tools.sandbox.view import Host

# What landlock cannot do: it allows by folder, so what lies in a writable one is writable.
NOT_BY_LANDLOCK = {
    "change .git/config", "make a git hook",
}  # fmt: skip


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=Path.home()) as made:
        yield Path(made)


def test_the_full_sandbox_lets_nothing_out(folder: Path) -> None:
    rows = tries(folder, "full")
    print(table({"full": rows}))
    assert {name for name, got_out in rows.items() if got_out} == set()


def test_landlock_stops_all_but_what_is_said_of_it(folder: Path) -> None:
    rows = tries(folder, "landlock")
    print(table({"landlock": rows}))
    assert {name for name, got_out in rows.items() if got_out} <= NOT_BY_LANDLOCK
    assert {escape.name for escape in ESCAPES} >= NOT_BY_LANDLOCK


def test_without_containment_the_same_tries_get_out(folder: Path) -> None:
    rows = tries(folder, "none")
    # Otherwise the matrix would say nothing.
    assert sum(rows.values()) >= 14, rows


def test_the_profile_for_macos_denies_after_it_allows_and_holds_no_path_in_its_text(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    host = Host(home=Path("/Users/a"), daemon_folders=(Path("/Users/a/.config/opta"),))
    words = seatbelt.arguments(host, str(tmp_path), ("/private/tmp/x", "/c"), [f"{tmp_path}/.vscode"], "on", is_read_only=False)
    text = words[2]
    assert words[:2] == ["/usr/bin/sandbox-exec", "-p"]
    assert words[-1] == "--"
    assert text.startswith("(version 1)\n(deny default)\n")
    for path in (str(tmp_path), "/Users/a", "/private"):
        assert path not in text
    allows = text.rindex("(allow file-write*")
    for denied in (
        '(deny file-write* (subpath (param "CONTROL0")))',
        '(deny file-write-unlink (literal (param "GIT")))',
    ):
        assert text.index(denied) > allows
    assert text.index('(deny network-outbound (remote ip "localhost:*"))') > text.index("(allow network*)")
    assert '(deny file-write* (regex #"/\\.[hH][uU][sS][kK][yY](/|$)"))' in text
    defined = {word.partition("=")[0] for word in words if "=" in word}
    assert all(f'(param "{name}")' in text for name in defined)
    assert text.count("(") == text.count(")")
