"""Service files that keep LMX running on a machine that only serves models: for supervisord, launchd (macOS) and systemd (Linux).

Each function takes the paths as arguments. `ops/lmx/` holds the files with placeholders; `opta lmx install` writes them with real paths.
"""

import plistlib

LABEL = "ai.opta.lmx"
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
