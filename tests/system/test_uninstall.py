"""An uninstallation leaves nothing but the sessions, and removes nothing that is not Opta's."""

from pathlib import Path

import pytest
from support.daemon import Daemon

from opta_core.process import service_files

pytestmark = pytest.mark.system


def test_nothing_but_the_sessions_is_left_of_a_home(tmp_path: Path) -> None:
    elsewhere = tmp_path / "models"
    elsewhere.mkdir()
    (elsewhere / "weights").write_text("large")
    with Daemon(tmp_path, only="gateway,agent,tools,sessions", config="vault-file = true\n") as daemon:
        sid = daemon.session(title="kept")
        (daemon.home / "skills").mkdir(exist_ok=True)
        (daemon.home / "notes.txt").write_text("not of Opta")
        (daemon.home / "models").rmdir()
        (daemon.home / "models").symlink_to(elsewhere)
        assert daemon.opta("account", "add", "box", stdin="a-key-of-a-test\n").returncode == 0
        asked = daemon.opta("daemon", "uninstall", "--everything")
        assert asked.returncode == 2
        assert "Nothing was removed." in asked.stderr
        assert f"  {daemon.home}/config.toml  (settings, 0.0 MB)" in asked.stdout
        assert f"  {daemon.home}/vault  (keys in an encrypted file, 0.0 MB)" in asked.stdout
        assert daemon.pids()
        done = daemon.opta("daemon", "uninstall", "--everything", "--yes")
        assert done.returncode == 0, done.stderr
        assert not daemon.leftovers()
    left = sorted(str(file.relative_to(daemon.home)) for file in daemon.home.rglob("*") if file.is_file() or file.is_symlink())
    assert [name for name in left if not name.startswith(("daemon/sessions/", "daemon/snapshots/"))] == ["notes.txt"]
    assert f"daemon/sessions/{sid}.jsonl" in left
    assert (elsewhere / "weights").read_text() == "large"
    # What is left is a home: the next start has the session.
    with daemon:
        assert [session["id"] for session in daemon.client.get("/v3/sessions")["sessions"]] == [sid]


def test_a_service_file_belongs_to_the_home_that_it_names(tmp_path: Path) -> None:
    home, other = tmp_path / "a home", tmp_path / "other"
    unit, agent = tmp_path / "opta.service", tmp_path / "ai.opta.daemon.plist"
    assert not service_files.is_of_home(unit, home)
    unit.write_text(service_files.daemon_systemd("/p/python", str(home)))
    agent.write_text(service_files.daemon_launch_agent("/p/python", str(home), "/l"))
    lmx = tmp_path / "opta-lmx.service"
    lmx.write_text(service_files.systemd("/p/python", str(home)))
    for file in (unit, agent, lmx):
        assert service_files.is_of_home(file, home)
        assert not service_files.is_of_home(file, other)
    agent.write_text("<plist>")
    assert not service_files.is_of_home(agent, home)


def test_status_says_what_starts_at_login(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    user = tmp_path / "user"
    file = user / ".config/systemd/user/opta.service"
    assert "login" not in daemon.opta("status", HOME=str(user)).stdout
    file.parent.mkdir(parents=True)
    file.write_text(daemon.opta("daemon", "install", "--print", HOME=str(user)).stdout)
    assert f"starts at every login ({file})" in daemon.opta("status", HOME=str(user)).stdout
    file.write_text(service_files.daemon_systemd("/elsewhere/python", "/another"))
    assert "Write it again: opta daemon install" in daemon.opta("status", HOME=str(user)).stdout
