"""`opta window` without Qt: links, the menu entry, what it says where no window can be shown, and the packaging scripts."""

import plistlib
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_line import run_in_process

from opta_cli.exit_codes import ExitCode
from opta_cli.menu_entry import entry_files
from opta_core.errors import Refused
from opta_desktop.window.system_libraries import missing_packages

ROOT = Path(__file__).parents[2]
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def opta(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Runs a command in a home of its own: (exit code, what was printed)."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_DATA_HOME", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    # No program of this machine's desktop hears of the test's entries.
    monkeypatch.setenv("PATH", str(tmp_path))
    return lambda *words: run_in_process([*words], {"OPTA_HOME": str(tmp_path / "home")}, tmp_path, monkeypatch)


def test_a_bad_link_is_refused_before_anything_starts(tmp_path: Path, opta: Run):
    code, said = opta("window", "opta://session/abc234/../x")
    assert code == ExitCode.misuse and "nothing was opened" in said
    assert not (tmp_path / "home/daemon").exists()


def test_without_a_desktop_the_command_names_what_works(opta: Run):
    code, said = opta("window")
    assert code == ExitCode.failed and "opta open --no-open" in said and "opta tui" in said


def test_a_desktop_that_is_named_does_not_make_root_run_an_engine_without_a_sandbox(opta: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DISPLAY", ":9")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert "does not run as root" in opta("window")[1]


@pytest.mark.parametrize(
    "words", [("--install", "--uninstall"), ("opta://session/abc234", "--install"), ("--print",), ("--uninstall", "--print")]
)
def test_options_that_contradict_each_other_are_refused(words: tuple[str, ...], opta: Run):
    assert opta("window", *words)[0] == ExitCode.misuse


def test_the_menu_entry_is_shown_before_it_is_written_and_removed_again(tmp_path: Path, opta: Run):
    entry = tmp_path / ".local/share/applications/opta.desktop"
    icon = tmp_path / ".local/share/icons/hicolor/scalable/apps/opta.svg"
    code, said = opta("window", "--install", "--print")
    assert (code, entry.exists()) == (ExitCode.done, False)
    assert str(entry) in said and "MimeType=x-scheme-handler/opta;" in said

    assert opta("window", "--install")[0] == ExitCode.done
    lines = entry.read_text().splitlines()
    assert lines[0] == "[Desktop Entry]" and "Terminal=false" in lines
    assert f'Exec="{Path(sys.executable).parent}/opta" window %u' in lines
    assert icon.read_text().startswith("<svg")
    assert not entry.stat().st_mode & stat.S_IWOTH
    # Installing again changes nothing, and says the same.
    assert opta("window", "--install")[0] == ExitCode.done

    assert opta("window", "--uninstall")[0] == ExitCode.done
    assert not entry.exists() and not icon.exists()
    assert "nothing was removed" in opta("window", "--uninstall")[1]


def test_an_entry_that_is_a_symbolic_link_is_not_written_through(tmp_path: Path, opta: Run):
    other = tmp_path / "other.txt"
    other.write_text("mine")
    entry = tmp_path / ".local/share/applications/opta.desktop"
    entry.parent.mkdir(parents=True)
    entry.symlink_to(other)
    assert "symbolic link" in opta("window", "--install")[1]
    assert other.read_text() == "mine"


def test_a_path_with_signs_of_the_format_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(sys, "executable", '/opt/my "10%" $tools/bin/python')
    entry = next(content for file, content in entry_files(tmp_path, {}, "linux").items() if file.suffix == ".desktop")
    assert r'Exec="/opt/my \\"10%%\\" \\$tools/bin/opta" window %u' in entry


@pytest.mark.parametrize(("platform", "named"), [("darwin", "macos_app.sh"), ("win32", "windows_shortcut.ps1"), ("freebsd", "opta window")])
def test_other_systems_are_sent_to_what_they_have(platform: str, named: str, tmp_path: Path):
    with pytest.raises(Refused, match=named):
        entry_files(tmp_path, {}, platform)


def test_missing_libraries_are_named_by_their_packages():
    def loads(file: str) -> object:
        if "cursor" in file or file == "libEGL.so.1":
            raise OSError(file)
        return file

    assert missing_packages(is_wayland=False, loads=loads, platform="linux") == ["libegl1", "libxcb-cursor0"]
    assert missing_packages(is_wayland=True, loads=loads, platform="linux") == ["libegl1"]
    assert missing_packages(is_wayland=False, loads=loads, platform="darwin") == []


def test_the_application_for_macos_opens_links_of_sessions(tmp_path: Path):
    script = ROOT / "ops/packaging/macos_app.sh"
    done = subprocess.run(
        ["/bin/sh", str(script), "--print", str(tmp_path)],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "OPTA_PROGRAM": "/Users/me/opta/opta"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    keys = plistlib.loads((tmp_path / "keys.plist").read_bytes())
    assert keys["CFBundleURLTypes"][0]["CFBundleURLSchemes"] == ["opta"]
    program = (tmp_path / "opta.applescript").read_text()
    # A link reaches the shell as one quoted word.
    assert 'property optaProgram : "/Users/me/opta/opta"' in program and "quoted form of theLink" in program


def test_the_application_for_macos_is_made_on_macos_only(tmp_path: Path):
    if sys.platform == "darwin":
        pytest.skip("this is macOS")
    done = subprocess.run(
        ["/bin/sh", str(ROOT / "ops/packaging/macos_app.sh")],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "OPTA_PROGRAM": "/opt/opta"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1 and "opta window --install" in done.stderr
    assert not (tmp_path / "Applications").exists()
