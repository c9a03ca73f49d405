"""Settings: layers, origins, and errors that say how to fix them."""

from pathlib import Path

import pytest

from opta_core import settings
from opta_core.errors import Refused
from opta_core.logs import redact
from opta_core.paths import Paths, write_whole


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in settings.ENVIRONMENT:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("OPTA_HOME", str(tmp_path))
    return tmp_path


def test_later_layers_win_and_every_value_knows_where_it_came_from(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "config.toml").write_text('max-steps = 7\n[daemon]\nport = 1111\n[providers.cloud]\ntype = "openai"\nbase-url = "http://x"\n')
    monkeypatch.setenv("OPTA_DAEMON_PORT", "2222")
    loaded = settings.load({"lmx.port": 3333})
    assert (loaded.settings.max_steps, loaded.settings.daemon.port, loaded.settings.lmx.port, loaded.settings.daemon.ui_port) == (
        7,
        2222,
        3333,
        5173,
    )
    origins = {key: loaded.origins[key] for key in ("max-steps", "daemon.port", "lmx.port", "daemon.ui-port")}
    assert origins == {
        "max-steps": str(home / "config.toml"),
        "daemon.port": "OPTA_DAEMON_PORT",
        "lmx.port": "flag",
        "daemon.ui-port": "default",
    }
    assert loaded.settings.providers["cloud"].base_url == "http://x"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("max-step = 3", "max-steps"),
        ("max-steps = 'x'", "max-steps"),
        ("max-steps = 0", "at least 1"),
        ("[daemon]\nport = 99999", "65535"),
        ("= nonsense", "line 1"),
        ("[providers.x]\ntype = 'magic'\nbase-url = 'u'", "magic"),
        ("[providers.x]\ntype = 'openai'", "base-url"),
        ("[diagnostics]\ncommands = ['mypy']", "write the files, a colon and the command"),
        ("[diagnostics]\ncommands = ['*.py: \"mypy']", "a quote is not closed"),
        ("[web]\nenable = true", "web.enabled"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_name(home: Path, content: str, said: str) -> None:
    (home / "config.toml").write_text(content)
    with pytest.raises(Refused, match=said):
        settings.load()


def test_a_bad_variable_names_itself(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTA_UI_PORT", "many")
    with pytest.raises(Refused, match="OPTA_UI_PORT"):
        settings.load()


def test_writing_a_value_keeps_the_others_and_never_writes_what_is_wrong(home: Path) -> None:
    paths = Paths(home)
    settings.write_value(paths, "max-steps", 9)
    settings.write_value(paths, "lmx.model", 'odd "name"\n')
    settings.write_provider(paths, "cloud", {"type": "openai", "base-url": "http://x", "model": "m"})
    before = paths.config.read_bytes()
    for key, value in (("max-steps", 0), ("daemon.port", 70_000), ("nope", 1)):
        with pytest.raises(Refused):
            settings.write_value(paths, key, value)
    assert paths.config.read_bytes() == before
    loaded = settings.load().settings
    assert (loaded.max_steps, loaded.lmx.model, loaded.providers["cloud"].model) == (9, 'odd "name"\n', "m")
    assert paths.config.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('["large=small", "a b=c"]', ["large=small", "a b=c"]),
        ("large=small", ["large=small"]),
        ("one=two, three=four", ["one=two", "three=four"]),
        ("[]", []),
        ("", []),
    ],
)
def test_a_list_is_set_as_it_is_documented_or_as_words(text: str, expected: list[str]) -> None:
    assert settings.parse_value("lmx.drafts", text, "the value") == expected


@pytest.mark.parametrize("text", ['["large=small"', "[large=small]", "[1]", '[["a"]]', '["a"]\nother = 1', "[" * 3000])
def test_a_list_that_is_none_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(Refused, match=r'lmx.drafts takes a list, as \["one", "two"\]'):
        settings.parse_value("lmx.drafts", text, "the value")


def test_a_home_with_a_long_path_gets_short_sockets_and_two_homes_never_share(tmp_path: Path) -> None:
    long, other = Paths(tmp_path / ("x" * 120)), Paths(tmp_path / ("y" * 120))
    assert len(str(long.run / "supervisor.sock.123456")) < 100
    assert long.run != other.run
    assert Paths(Path("/h")).run == Path("/h/daemon/run")


def test_replacing_a_file_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "f"
    write_whole(file, b"old")

    def fail(descriptor: int) -> None:
        raise OSError("full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="full"):
        write_whole(file, b"new")
    assert file.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize(
    "text",
    ["Authorization: Bearer abcdef123456", "GET /x?token=abcdef123456 HTTP", '{"api_key": "abcdef123456"}', "key sk-abcdef123456 used"],
)
def test_credentials_are_blanked_in_logs(text: str) -> None:
    assert "abcdef123456" not in redact(text)
