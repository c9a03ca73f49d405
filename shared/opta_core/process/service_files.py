"""Service files for supervisord, launchd (macOS) and systemd (Linux): of LMX, on a machine that only serves models, and of the whole daemon.

Each function takes the paths as arguments. `ops/lmx/` holds the files with placeholders; `opta lmx install` writes them with real paths.
"""

import plistlib
import re
from pathlib import Path
from xml.parsers import expat

LABEL, DAEMON_LABEL = "ai.opta.lmx", "ai.opta.daemon"
# LMX ends its children and waits for running requests before it exits.
STOP_S = 40


def supervisord(python: str, home: str, logs: str) -> str:
    """A supervisord.conf for LMX alone: `supervisord -n -c FILE`."""
    return f"""[supervisord]
nodaemon=true
logfile={logs}/lmx-supervisord.log
logfile_maxbytes=5MB
logfile_backups=2
pidfile={home}/lmx/supervisord.pid
minfds=4096

[program:lmx]
command={python} -I -u -m opta_lmx
environment=OPTA_HOME="{home}"
directory=/
autorestart=true
startsecs=0
startretries=1000000
stopsignal=TERM
stopwaitsecs={STOP_S}
stopasgroup=false
killasgroup=true
redirect_stderr=true
stdout_logfile={logs}/lmx.log
stdout_logfile_maxbytes=5MB
stdout_logfile_backups=2
"""


def launch_agent(python: str, home: str, logs: str) -> str:
    """A LaunchAgent: `launchctl bootstrap gui/$(id -u) FILE`. It runs as the user, not as root, and starts at login."""
    content = {
        "Label": LABEL,
        "ProgramArguments": [python, "-I", "-u", "-m", "opta_lmx"],
        "EnvironmentVariables": {"OPTA_HOME": home},
        "WorkingDirectory": "/",
        "RunAtLoad": True,
        "KeepAlive": True,
        # Minimum seconds between two starts: LMX delays its starts in a crash loop itself.
        "ThrottleInterval": 1,
        "ExitTimeOut": STOP_S,
        "ProcessType": "Interactive",
        "SoftResourceLimits": {"NumberOfFiles": 4096},
        "StandardOutPath": f"{logs}/lmx.log",
        "StandardErrorPath": f"{logs}/lmx.log",
    }
    return plistlib.dumps(content, sort_keys=False).decode()


def systemd(python: str, home: str) -> str:
    """A systemd user unit: `systemctl --user enable --now opta-lmx`."""
    return f"""[Unit]
Description=LMX, inference on MLX

[Service]
ExecStart={python} -I -u -m opta_lmx
Environment=OPTA_HOME={home}
WorkingDirectory=/
Restart=always
RestartSec=0.2
TimeoutStopSec={STOP_S}
LimitNOFILE=65536
NoNewPrivileges=true

[Install]
WantedBy=default.target
"""


def daemon_launch_agent(python: str, home: str, logs: str) -> str:
    """A LaunchAgent that runs the whole daemon in the foreground (`opta daemon run`), as the user, from login on."""
    content = {
        "Label": DAEMON_LABEL,
        "ProgramArguments": [python, "-I", "-m", "opta_cli", "daemon", "run"],
        "EnvironmentVariables": {"OPTA_HOME": home},
        "WorkingDirectory": "/",
        "RunAtLoad": True,
        # A daemon that was stopped by `opta down` stays stopped.
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 5,
        "ExitTimeOut": STOP_S,
        "ProcessType": "Interactive",
        "SoftResourceLimits": {"NumberOfFiles": 4096},
        "StandardOutPath": f"{logs}/service.log",
        "StandardErrorPath": f"{logs}/service.log",
    }
    return plistlib.dumps(content, sort_keys=False).decode()


def daemon_systemd(python: str, home: str) -> str:
    """A systemd user unit that runs the whole daemon: `systemctl --user enable --now opta`. It asks supervisord to stop, then waits."""
    return f"""[Unit]
Description=Opta, a coding agent on this machine

[Service]
Type=exec
ExecStart={_systemd_word(python)} -I -m opta_cli daemon run
Environment={_systemd_word(f"OPTA_HOME={home}")}
WorkingDirectory=/
Restart=on-failure
RestartSec=5
KillMode=mixed
TimeoutStopSec={STOP_S}
LimitNOFILE=65536

[Install]
WantedBy=default.target
"""


def is_of_home(file: Path, home: Path) -> bool:
    """Whether a service file, if it exists, starts Opta for this home."""
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError):
        return False
    if file.suffix == ".plist":
        try:
            return plistlib.loads(text.encode())["EnvironmentVariables"]["OPTA_HOME"] == str(home)
        except (plistlib.InvalidFileException, expat.ExpatError, ValueError, KeyError, TypeError):
            return False
    return any(line in text.splitlines() for line in (f"Environment=OPTA_HOME={home}", f"Environment={_systemd_word(f'OPTA_HOME={home}')}"))


def _systemd_word(text: str) -> str:
    """A word of a unit file: quoted, with the specifiers of systemd doubled."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if re.search(r"[^\w./=:-]", text) else escaped
