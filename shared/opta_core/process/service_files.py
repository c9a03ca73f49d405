"""Files by which a machine that only serves models keeps LMX alive: for supervisord, for launchd (macOS), and for systemd (Linux).

The texts take every path as an argument; `ops/lmx/` holds them with placeholders, `opta lmx install` writes them with this machine's own.
"""

import plistlib

LABEL = "ai.opta.lmx"
# LMX ends its children and waits for what is under way before it goes.
STOP_S = 40


def supervisord(python: str, home: str, logs: str) -> str:
    """A whole supervisord.conf for LMX alone: `supervisord -n -c FILE`."""
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
    """A LaunchAgent: `launchctl bootstrap gui/$(id -u) FILE`. It runs as the user, not as root, and from login on."""
    content = {
        "Label": LABEL,
        "ProgramArguments": [python, "-I", "-u", "-m", "opta_lmx"],
        "EnvironmentVariables": {"OPTA_HOME": home},
        "WorkingDirectory": "/",
        "RunAtLoad": True,
        "KeepAlive": True,
        # The least time between two starts: LMX has a brake of its own for crash loops.
        "ThrottleInterval": 1,
        "ExitTimeOut": STOP_S,
        "ProcessType": "Interactive",
        "SoftResourceLimits": {"NumberOfFiles": 4096},
        "StandardOutPath": f"{logs}/lmx.log",
        "StandardErrorPath": f"{logs}/lmx.log",
    }
    return plistlib.dumps(content, sort_keys=False).decode()


def systemd(python: str, home: str) -> str:
    """A user unit: `systemctl --user enable --now opta-lmx`."""
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
