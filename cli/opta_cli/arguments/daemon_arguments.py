"""`opta up`, `down`, `open`, `window`, `status`, `doctor`, `daemon …`, `completions` and `version`."""

from argparse import ArgumentParser

from ..cli_command import CliCommand, json_option, whole


def _up(parser: ArgumentParser) -> None:
    parser.add_argument("--no-open", action="store_true", help="do not open the browser")
    parser.add_argument("--only", default="", metavar="SERVICES", help="start only these services, separated by commas")
    parser.add_argument("--detach", action="store_true", help="return when Opta is ready; it continues in the background")
    parser.add_argument(
        "--role", default="laptop", choices=["laptop", "studio"], help="laptop: everything; studio: a machine that serves models to others"
    )


def _open(parser: ArgumentParser) -> None:
    parser.add_argument("--no-open", action="store_true", help="only print its address")


def _window(parser: ArgumentParser) -> None:
    parser.add_argument("link", nargs="?", default="", metavar="LINK", help="the session to show: opta://session/ID")
    parser.add_argument(
        "--install", action="store_true", help="put Opta into the menu of this Linux desktop, and have it open opta:// links"
    )
    parser.add_argument("--uninstall", action="store_true", help="remove what --install wrote")
    parser.add_argument("--print", action="store_true", help="with --install: only show what would be written")


def _doctor(parser: ArgumentParser) -> None:
    parser.add_argument("--probe", action="store_true", help="send a turn through every process; it uses a tool, and no fallback")
    parser.add_argument("--fix", action="store_true", help="repair what can be repaired, and diagnose again")
    parser.add_argument("--session", default="", metavar="ID", help="diagnose the turn of this session too")
    parser.add_argument("--contain", action="store_true", help="pause the running turns of all other sessions")
    parser.add_argument("--note", action="store_true", help="write the post-mortem into the session")
    parser.add_argument("--evidence", default="", metavar="FILE", help="save the evidence of the session as a zip, with secrets masked")
    parser.add_argument("--policy", action="store_true", help="check the policy files that apply here; shows file, line and fix")
    json_option(parser)


def _service(parser: ArgumentParser) -> None:
    parser.add_argument("service", nargs="?", default="", help="gateway, sessions, agent, tools, desktop or lmx (default: all)")


def _logs(parser: ArgumentParser) -> None:
    _service(parser)
    parser.add_argument("--lines", type=whole(1, 100_000), default=100, metavar="N", help="the last N lines (default: 100)")
    parser.add_argument("-f", "--follow", action="store_true", help="go on printing new lines until Ctrl-C")
    parser.add_argument(
        "--level", default="debug", choices=["debug", "info", "warning", "error"], help="only lines of this level and above"
    )


def _install(parser: ArgumentParser) -> None:
    parser.add_argument("--print", action="store_true", help="only print the service file")


def _uninstall(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--everything", action="store_true", help="also remove all of Opta's files in its home but the sessions, after a question"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _shell(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=["bash", "zsh", "fish"])


TOP = [
    CliCommand("up", "start everything and print the page's address", "commands.daemon:up", "up --detach --no-open", _up),
    CliCommand("down", "stop everything; sessions are kept", "commands.daemon:down", "down", settings="lenient"),
    CliCommand("open", "open the page", "commands.daemon:open_page", "open --no-open", _open),
    CliCommand("window", "open the page in a window of its own", "commands.window:window", "window --install --print", _window),
    CliCommand("status", "show running services and available models", "commands.status:status", "status", json_option, "lenient"),
    CliCommand(
        "doctor", "check the installation, and diagnose what is wrong in five steps", "commands.doctor:doctor", "doctor", _doctor, "lenient"
    ),
    CliCommand(
        "completions", "print the completions of a shell", "commands.shell_completions:completions", "completions bash", _shell, "lenient"
    ),
    CliCommand("version", "print the version", "commands.version_line:version", "version", json_option, "lenient"),
]

COMMANDS = [
    CliCommand(
        "start",
        "start the daemon in the background, or one stopped service",
        "commands.daemon:daemon_start",
        "daemon start tools",
        _service,
    ),
    CliCommand(
        "stop",
        "stop gateway, agent, tools and sessions (the page and LMX stay), or one service",
        "commands.daemon:daemon_stop",
        "daemon stop",
        _service,
        "lenient",
    ),
    CliCommand("restart", "restart the daemon, or one service", "commands.daemon:daemon_restart", "daemon restart tools", _service),
    CliCommand("run", "run everything in the foreground, until Ctrl-C", "commands.daemon:daemon_run", "daemon run"),
    CliCommand("status", "show what runs", "commands.status:status", "daemon status --json", json_option, "lenient"),
    CliCommand(
        "logs",
        "print the last log lines; -f follows them",
        "commands.log_lines:logs",
        "daemon logs agent --level warning",
        _logs,
        "lenient",
    ),
    CliCommand(
        "install", "start the daemon at every login (systemd, launchd)", "commands.service:install", "daemon install --print", _install
    ),
    CliCommand(
        "uninstall",
        "start it at login no more; sessions are kept",
        "commands.service:uninstall",
        "daemon uninstall",
        _uninstall,
        "lenient",
    ),
]
