"""The window's process: `python -m opta_desktop.window [SESSION]`. `opta window` has checked the link and started the daemon."""

import os
import resource
import sys

from opta_core import logs, settings
from opta_core.errors import OptaError
from opta_core.secrets.vault import Vault
from opta_core.window_instance import Show, WindowInstance, hand_over
from opta_protocol.ids import SESSION_ID

from .system_libraries import missing_packages


def main() -> int:
    """Show the window, or have the one that runs show the session; the exit code."""
    os.umask(0o077)
    # A core file would contain the key of the page.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sid = sys.argv[1] if len(sys.argv) > 1 else ""
    if sid and not SESSION_ID.fullmatch(sid):
        sys.exit(f"opta: {sid[:40]!r} is not the id of a session.")
    try:
        loaded = settings.load()
        loaded.paths.make()
        logs.set_up("window", loaded.settings.log_level)
        instance = WindowInstance(loaded.paths)
        while not instance.claim():
            # Another window of this home came first.
            if hand_over(loaded.paths, Show(sid=sid)):
                return 0
    except (OptaError, OSError) as error:
        sys.exit(f"opta: {error}")
    missing = missing_packages(is_wayland=bool(os.environ.get("WAYLAND_DISPLAY")))
    if missing:
        instance.close()
        sys.exit(f"opta: The window needs libraries of this system that are missing. Debian: apt install {' '.join(missing)}")
    try:
        # Importing Qt takes a second, which a hand-over does not need.
        from .qt_app import run

        return run(loaded.paths, Vault(loaded.paths, allows_file=loaded.settings.vault_file), instance, sid)
    except ImportError as error:
        sys.exit(f"opta: Qt cannot be loaded: {error}. In a checkout: ./opta window")
    except OptaError as error:
        sys.exit(f"opta: {error.message}")
    finally:
        instance.close()


if __name__ == "__main__":
    code = main()
    # Qt's own threads and exit handlers have nothing left to do, and crash where a graphics driver is gone already.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
