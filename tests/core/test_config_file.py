"""`opta config set` changes one entry of config.toml and leaves the rest as the user wrote it."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opta_core import settings
from opta_core.config_file import with_entry
from opta_core.errors import Refused
from opta_core.paths import Paths

WRITTEN = """# my settings
max-steps = 7   # enough for most

[daemon]   # ports
# the page's
ui-port = 4000

[providers.cloud]
type = "openai"
base-url = 'http://x'  # the one at work
"""


def test_comments_order_and_spacing_stay(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.config.write_text(WRITTEN)
    settings.write_value(paths, "max-steps", 9)
    settings.write_value(paths, "daemon.ui-port", 4001)
    expected = WRITTEN.replace("max-steps = 7 ", "max-steps = 9 ").replace("4000", "4001")
    assert paths.config.read_text() == expected
    settings.write_value(paths, "daemon.port", 5000)
    settings.write_value(paths, "default-model", "lmx/x")
    settings.write_value(paths, "lmx.model", "small")
    settings.write_provider(paths, "home", {"type": "openai", "base-url": "http://y"})
    settings.write_server(paths, "docs", {"command": "docs", "args": ["-v"], "env": {"A": "1"}})
    kept = paths.config.read_text()
    for line in WRITTEN.replace("max-steps = 7 ", "max-steps = 9 ").replace("4000", "4001").splitlines():
        assert line in kept.splitlines()
    assert tomllib.loads(kept) == {
        "max-steps": 9,
        "default-model": "lmx/x",
        "daemon": {"ui-port": 4001, "port": 5000},
        "providers": {"cloud": {"type": "openai", "base-url": "http://x"}, "home": {"type": "openai", "base-url": "http://y"}},
        "lmx": {"model": "small"},
        "mcp": {"servers": {"docs": {"command": "docs", "args": ["-v"], "env": {"A": "1"}}}},
    }
    assert settings.write_server(paths, "docs", None)
    assert not settings.write_server(paths, "docs", None)
    assert "docs" not in paths.config.read_text()


def test_line_ends_of_another_system_stay(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.config.write_bytes(b"# mine\r\nmax-steps = 7\r\n")
    settings.write_value(paths, "max-steps", 8)
    assert paths.config.read_bytes() == b"# mine\r\nmax-steps = 8\r\n"


@pytest.mark.parametrize("text", ["daemon.port = 1\n", "daemon = {port = 1} # here\n", "[daemon]\nport = 1\n[lmx]\nport = 2\n"])
def test_every_form_of_a_table_can_be_changed(text: str) -> None:
    changed = with_entry(text, ["daemon", "ui-port"], 5)
    assert tomllib.loads(changed) == {**tomllib.loads(text), "daemon": {"port": 1, "ui-port": 5}}


def test_what_does_not_fit_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.config.write_text(WRITTEN)
    for key, value in (("max-steps", 0), ("daemon.port", "many"), ("max-step", 3)):
        with pytest.raises(Refused):
            settings.write_value(paths, key, value)
    paths.config.write_text("max-steps = [")
    with pytest.raises(Refused, match="not valid TOML"):
        settings.write_value(paths, "max-steps", 3)
    assert paths.config.read_text() == "max-steps = ["


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_VALUE = st.one_of(st.booleans(), st.integers(-(2**53), 2**53), _TEXT, st.lists(_TEXT, max_size=3))


@given(st.lists(st.tuples(st.lists(st.sampled_from(["a", "b", "c d", "ü"]), min_size=1, max_size=3), _VALUE), max_size=6))
def test_a_change_is_made_whole_or_refused(changes: list[tuple[list[str], Any]]) -> None:
    text = "# begin\n"
    for path, value in changes:
        before = tomllib.loads(text)
        try:
            text = with_entry(text, path, value)
        except Refused:
            continue
        assert text.startswith("# begin\n")
        found: Any = tomllib.loads(text)
        for part in path:
            found = found[part]
        assert found == value
        assert {key: kept for key, kept in tomllib.loads(text).items() if key != path[0]} == {
            key: kept for key, kept in before.items() if key != path[0]
        }
