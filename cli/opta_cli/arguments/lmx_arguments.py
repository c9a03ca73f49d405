"""`opta lmx …`."""

from argparse import ArgumentParser

from ..cli_command import CliCommand, Group, json_option, number, whole


def _serve(parser: ArgumentParser) -> None:
    parser.add_argument("--model-path", default="", metavar="FOLDER", help="a model folder, which becomes the default model")
    parser.add_argument("--port", type=whole(0, 65535), default=-1, help="the port; 0 takes a free one")


def _install(parser: ArgumentParser) -> None:
    parser.add_argument("--print", action="store_true", help="only print the service file")


def _pair(parser: ArgumentParser) -> None:
    parser.add_argument("host", nargs="?", default="", help="the other machine, with its port when it is not 1234")
    parser.add_argument("--admin", action="store_true", help="the paired machine may also load, unload and pull models")
    parser.add_argument("--code-stdin", action="store_true", help="read the code from standard input")
    parser.add_argument(
        "--provider",
        "--name",
        dest="name",
        default="",
        metavar="NAME",
        help="a second LMX: turns go to it while the first one does not answer",
    )


def _host(parser: ArgumentParser) -> None:
    parser.add_argument("host", help="the machine, as `opta lmx hosts` shows it")


def _use_with(parser: ArgumentParser) -> None:
    parser.add_argument("client", choices=("claude", "codex", "opencode", "pi", "zed", "continue"))
    parser.add_argument("--model", default="", help="the model to use (default: LMX's default model)")
    parser.add_argument("--write", action="store_true", help="show the change of the client's file, ask, and write it; a backup is kept")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _find(parser: ArgumentParser) -> None:
    parser.add_argument("--seconds", type=number(0.1, 600), default=3.0, metavar="N", help="seconds to search (default: 3)")
    json_option(parser)


def _add_key(parser: ArgumentParser) -> None:
    _name(parser)
    parser.add_argument("--admin", action="store_true", help="the key may also load, unload and pull models")


def _name(parser: ArgumentParser) -> None:
    parser.add_argument("name")


KEYS = [
    CliCommand("add", "create a key; it is shown once", "commands.lmx:add_key", "lmx keys add laptop", _add_key),
    CliCommand("list", "list all keys by name", "commands.lmx:list_keys", "lmx keys list", json_option),
    CliCommand("remove", "revoke a key", "commands.lmx:remove_key", "lmx keys remove laptop", _name),
]

COMMANDS = [
    CliCommand(
        "serve",
        "serve models on this machine, in the foreground, without the daemon",
        "commands.lmx:serve",
        "lmx serve --port 1234",
        _serve,
    ),
    CliCommand("status", "show memory and loaded models", "commands.lmx:status", "lmx status", json_option),
    CliCommand("doctor", "check a machine that serves models", "commands.lmx:doctor", "lmx doctor", json_option),
    CliCommand(
        "install",
        "run LMX as a system service (launchd, systemd), without the daemon",
        "commands.lmx:install",
        "lmx install --print",
        _install,
    ),
    CliCommand("uninstall", "remove the system service; models, keys and settings are kept", "commands.lmx:uninstall", "lmx uninstall"),
    CliCommand("pair", "show a pairing code; with HOST, pair with the code that HOST shows", "commands.lmx:pair", "lmx pair studio", _pair),
    CliCommand(
        "use-with",
        "print or write the configuration by which another client uses LMX",
        "commands.lmx:use_with",
        "lmx use-with codex",
        _use_with,
    ),
    CliCommand(
        "hosts", "list the machines whose LMX is used, and whether they answer", "commands.lmx:list_hosts", "lmx hosts", json_option
    ),
    CliCommand(
        "forget", "use a machine's LMX no longer; its certificate and key are removed", "commands.lmx:forget", "lmx forget studio", _host
    ),
    CliCommand("find", "list machines on this network that offer LMX", "commands.lmx:find", "lmx find --seconds 1", _find),
    Group("keys", "keys for clients of this LMX", "lmx_arguments", "KEYS"),
]
