"""`opta`: the command tree. Wiring only."""

import argparse
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from opta_core import settings
from opta_core.errors import OptaError, Refused
from opta_core.settings import LoadedSettings
from opta_core.version import VERSION
from opta_protocol.error_info import ErrorCode

from .commands import account, chat, config, daemon, doctor, mcp, policy, sessions
from .plain_text import print_plain
from .supervise import NoDaemon

Run = Callable[[LoadedSettings, argparse.Namespace], int]


def parser() -> argparse.ArgumentParser:
    """Every command with its options; `docs/cli.md` is generated from it."""
    top = argparse.ArgumentParser(prog="opta", description="A crash-proof coding agent on your own machines.")
    top.add_argument("--no-daemon-start", action="store_true", help="fail with exit 3 instead of starting the daemon")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    up = _add(commands, "up", daemon.up, "start everything and print the page's address")
    up.add_argument("--no-open", action="store_true", help="do not open the browser")
    up.add_argument("--only", default="", metavar="SERVICES", help="start only these, comma separated")
    up.add_argument("--detach", action="store_true", help="go on in the background")
    _add(commands, "down", daemon.down, "stop everything; sessions are kept")
    opened = _add(commands, "open", daemon.open_page, "open the page")
    opened.add_argument("--no-open", action="store_true", help="only print its address")
    _add(commands, "status", daemon.status, "what runs, and which models there are").add_argument("--json", action="store_true")

    for name, run, text in (("chat", chat.chat, "talk; steps are approved one by one"), ("do", chat.do, "work on a task until it is done")):
        command = _add(commands, name, run, text)
        command.add_argument("text", nargs="*", help="the prompt; read from standard input when piped")
        command.add_argument("--session", default="", help="go on in this session")
        command.add_argument("--model", default="", help="provider/model, or a model's name")
        command.add_argument("--level", default="", choices=["L1", "L2", "L3"], help="how much is asked")
        command.add_argument("--cwd", default="", help="the workspace (default: here)")
        command.add_argument("--json", action="store_true", help="print the events exactly as stored")
        if name == "chat":
            command.add_argument("--once", action="store_true", help="one prompt, then exit")

    _sessions(_group(commands, "sessions", "look at sessions"))
    _daemon(_group(commands, "daemon", "control the daemon's processes"))
    _config(_group(commands, "config", "settings and providers"))
    _account(_group(commands, "account", "keys of providers"))
    _policy(_group(commands, "policy", "rules, grants and trust"))
    _mcp(_group(commands, "mcp", "servers with further tools"))
    _models(_group(commands, "models", "models of LMX: what there is, load, unload, fetch, measure"))
    _lmx(_group(commands, "lmx", "the inference server by itself, and on other machines"))
    probe = _add(commands, "doctor", doctor.doctor, "check the installation")
    probe.add_argument("--probe", action="store_true", help="ask the probe model through every process")
    probe.add_argument("--policy", action="store_true", help="check the policy files that hold here: file, line and mend")
    probe.add_argument("--json", action="store_true")
    _add(commands, "version", _version, "print the version")
    return top


def _sessions(group: Any) -> None:
    listed = _add(group, "list", sessions.list_sessions, "sessions, last active first")
    listed.add_argument("--q", default="", help="only these: words of the title, or an id")
    listed.add_argument("--limit", type=int, default=50)
    listed.add_argument("--json", action="store_true")
    shown = _add(group, "show", sessions.show, "one session as text")
    shown.add_argument("id")
    shown.add_argument("--json", action="store_true")
    compacted = _add(group, "compact", chat.compact, "replace older turns by a summary in what the model reads")
    compacted.add_argument("id")
    compacted.add_argument("--json", action="store_true", help="print the events exactly as stored")
    resumed = _add(group, "resume", chat.resume, "go on with the last turn, which was cut off or stopped")
    resumed.add_argument("id")
    resumed.add_argument("--json", action="store_true", help="print the events exactly as stored")
    pruned = _add(group, "prune", sessions.prune, "move old sessions to the archive; without --yes only say which")
    pruned.add_argument("--older-than", type=float, default=30.0, metavar="DAYS", help="last active so many days ago (default: 30)")
    pruned.add_argument("--yes", action="store_true", help="do it")
    undone = _add(group, "undo", sessions.undo, "put back what a turn's edits changed")
    undone.add_argument("id")
    undone.add_argument("--turn", default="", help="which turn (default: the last one that changed files)")
    repaired = _add(group, "repair", sessions.repair, "make a damaged session one that goes on; without --yes only say what is kept")
    repaired.add_argument("id")
    repaired.add_argument("--yes", action="store_true", help="do it; the damaged file is kept beside")
    repaired.add_argument("--json", action="store_true")
    exported = _add(group, "export", sessions.export, "one session as a file")
    exported.add_argument("id")
    exported.add_argument("--format", choices=["markdown", "json", "text"], default="markdown")
    exported.add_argument("--output", default="", help="a new file (default: standard output)")


def _account(group: Any) -> None:
    for name, run, text in (
        ("add", account.add, "keep a provider's key in the keychain; it is read from standard input"),
        ("rotate", account.rotate, "replace a key; running sessions go on, the next request uses the new one"),
        ("remove", account.remove, "forget a key"),
    ):
        _add(group, name, run, text).add_argument("name", help="the provider's name")
    _add(group, "list", account.show, "which keys there are, masked").add_argument("--json", action="store_true")
    _add(group, "export", account.export, "all keys as a file, locked with a passphrase").add_argument("file")
    imported = _add(group, "import", account.import_keys, "the keys of an exported file")
    imported.add_argument("file")
    imported.add_argument("--replace", action="store_true", help="also those that are there already")


def _policy(group: Any) -> None:
    listed = _add(group, "list", policy.show, "the rules and grants that hold here")
    checked = _add(group, "check", policy.check, "what a command would get, without running it")
    checked.add_argument("command", help="the command line, in quotes")
    checked.add_argument(
        "--rule", action="append", default=[], metavar="EFFECT:WORDS", help="a further rule of yours, such as 'allow:git status'"
    )
    checked.add_argument("--mode", choices=["chat", "do"], default="do")
    checked.add_argument("--level", default="", metavar="N", help="L1, L2 or L3 (default: the mode's)")
    checked.add_argument("--headless", action="store_true", help="as where nobody can be asked")
    granted = _add(group, "grant", policy.grant, "always allow exactly this command in this folder")
    granted.add_argument("command")
    granted.add_argument("--prefix", action="store_true", help="its first two words, whatever follows")
    granted.add_argument("--days", type=float, default=0.0, help="ends after so many days")
    granted.add_argument("--preview", action="store_true", help="only say what it would cover")
    for command in (listed, checked, granted):
        command.add_argument("--cwd", default="", help="the folder (default: here)")
        if command is not granted:
            command.add_argument("--json", action="store_true")
    _add(group, "revoke", policy.revoke, "take a grant back").add_argument("id")
    trusted = _add(group, "trust", policy.give_trust, "let a folder's own rules loosen, after showing what they ask for")
    trusted.add_argument("folder", nargs="?", default="")
    trusted.add_argument("--yes", action="store_true", help="trust it as shown")
    trusted.add_argument("--withdraw", action="store_true", help="trust it no more")


def _mcp(group: Any) -> None:
    added = _add(group, "add", mcp.add, "a server of your own: opta mcp add NAME -- PROGRAM ARGS, or --url URL")
    added.add_argument("name")
    added.add_argument("command", nargs="*", help="the program and its arguments, after --")
    added.add_argument("--url", default="", help="a streamable HTTP server")
    added.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="what its environment holds besides")
    added.add_argument("--network", action="store_true", help="it may reach the network")
    _add(group, "remove", mcp.remove, "take one of your servers out").add_argument("name")
    listed = _add(group, "list", mcp.show, "the servers for a folder")
    approved = _add(group, "approve", mcp.approve, "let a server that a trusted folder offers start")
    approved.add_argument("name")
    approved.add_argument("--yes", action="store_true", help="approve it as shown")
    tested = _add(group, "test", mcp.test, "start the servers and list what they offer")
    tested.add_argument("name", nargs="?", default="")
    for command in (listed, approved, tested):
        command.add_argument("--cwd", default="", help="the folder (default: here)")


def _models(group: Any) -> None:
    _add(group, "list", _late(_models_module, "show"), "every model, and what is loaded").add_argument("--json", action="store_true")
    _add(group, "use", _late(_models_module, "use"), "use a model from now on").add_argument("name")
    loaded = _add(group, "load", _late(_models_module, "load"), "load a model, or try again with one that was left alone")
    loaded.add_argument("name")
    loaded.add_argument("--pin", action="store_true", help="keep it loaded until it is unloaded")
    _add(group, "unload", _late(_models_module, "unload"), "put a model away, whatever it does").add_argument("name")
    pulled = _add(group, "pull", _late(_models_module, "pull"), "fetch a model from the hub, after showing size and licence")
    pulled.add_argument("repo", metavar="OWNER/NAME")
    pulled.add_argument("--name", default="", help="what it is called here (default: NAME)")
    pulled.add_argument("--revision", default="", help="a branch, tag or commit (default: the newest)")
    pulled.add_argument("--yes", action="store_true", help="fetch it without asking")
    pulled.add_argument("--token-stdin", action="store_true", help="read the hub's token for a gated model from standard input")
    measured = _add(group, "bench", _late(_models_module, "bench"), "measure a model: first token, reading, answering one and many")
    measured.add_argument("name", nargs="?", default="")
    measured.add_argument("--tokens", type=int, default=64, help="tokens of each answer")
    measured.add_argument("--prompt", type=int, default=100, help="words of the prompts for the first token")
    measured.add_argument("--json", action="store_true")


def _lmx(group: Any) -> None:
    served = _add(group, "serve", _late(_lmx_module, "serve"), "serve models here, in the foreground, without the daemon")
    served.add_argument("--model-path", default="", help="a model folder from anywhere; it is the default one then")
    served.add_argument("--port", type=int, default=-1, help="0: choose one")
    _add(group, "status", _late(_lmx_module, "status"), "memory and loaded models").add_argument("--json", action="store_true")
    _add(group, "doctor", _late(_lmx_module, "doctor"), "what a machine needs that serves models").add_argument(
        "--json", action="store_true"
    )
    installed = _add(
        group, "install", _late(_lmx_module, "install"), "have this system keep LMX alive (launchd, systemd), without the daemon"
    )
    installed.add_argument("--print", action="store_true", help="only show the file")
    _add(group, "uninstall", _late(_lmx_module, "uninstall"), "undo that; models, keys and settings are kept")
    paired = _add(group, "pair", _late(_lmx_module, "pair"), "show a code here, or with HOST use the code that HOST shows")
    paired.add_argument("host", nargs="?", default="", help="the other machine, with its port unless that is 1234")
    paired.add_argument("--admin", action="store_true", help="who uses this code may also load, unload and pull models")
    paired.add_argument("--code-stdin", action="store_true", help="read the code from standard input")
    found = _add(group, "find", _late(_lmx_module, "find"), "machines on this network that offer LMX")
    found.add_argument("--seconds", type=float, default=3.0, help="how long to look")
    keys = group.add_parser("keys", help="who may use this LMX", description="who may use this LMX")
    kinds = keys.add_subparsers(dest="keys_command", metavar="COMMAND", required=True)
    added = _add(kinds, "add", _late(_lmx_module, "add_key"), "make a key; it is shown once")
    added.add_argument("name")
    added.add_argument("--admin", action="store_true", help="it may also load, unload and pull models")
    _add(kinds, "list", _late(_lmx_module, "list_keys"), "all keys, by name")
    _add(kinds, "remove", _late(_lmx_module, "remove_key"), "take a key back").add_argument("name")


def _daemon(group: Any) -> None:
    _add(group, "start", daemon.daemon_start, "start it in the background")
    _add(group, "stop", daemon.daemon_stop, "stop gateway, agent, tools and sessions")
    _add(group, "restart", daemon.daemon_restart, "restart it, or one service").add_argument("service", nargs="?", default="")
    _add(group, "status", daemon.status, "what runs").add_argument("--json", action="store_true")
    logs = _add(group, "logs", daemon.logs, "the last log lines")
    logs.add_argument("service", nargs="?", default="")
    logs.add_argument("--lines", type=int, default=100)


def _config(group: Any) -> None:
    _add(group, "get", config.get, "print a value").add_argument("key")
    changed = _add(group, "set", config.set_value, "set a value")
    changed.add_argument("key")
    changed.add_argument("value")
    _add(group, "list", config.list_values, "all values").add_argument("--origin", action="store_true", help="and where each comes from")
    added = _add(group, "add-provider", config.add_provider, "a further way to reach models")
    added.add_argument("name")
    added.add_argument("--type", required=True, choices=["openai", "lmx"])
    added.add_argument("--base-url", required=True)
    added.add_argument("--model", default="")
    added.add_argument("--context", type=int, default=0, help="tokens the model can read")
    added.add_argument("--key-stdin", action="store_true", help="read the key from standard input into the keychain")


def _late(load: Callable[[], ModuleType], name: str) -> Run:
    """A command whose module is imported when it runs: what talks to LMX by itself brings TLS and an event loop along."""

    def run(loaded: LoadedSettings, args: argparse.Namespace) -> int:
        return getattr(load(), name)(loaded, args)

    return run


def _models_module() -> ModuleType:
    from .commands import models

    return models


def _lmx_module() -> ModuleType:
    from .commands import lmx

    return lmx


def _group(commands: Any, name: str, text: str) -> Any:
    return commands.add_parser(name, help=text, description=text).add_subparsers(dest=f"{name}_command", metavar="COMMAND", required=True)


def _add(commands: Any, name: str, run: Run, text: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    command.set_defaults(run=run)
    return command


def _version(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    print(f"opta {VERSION}")
    return 0


def main() -> None:
    """Run one command; the exit code says how it ended."""
    args = parser().parse_args()
    if args.command is None:
        args = parser().parse_args(["chat", *sys.argv[1:]])
    try:
        code = args.run(settings.load(), args)
    except NoDaemon as error:
        print_plain(f"opta: {error.message}", sys.stderr)
        code = 3
    except OptaError as error:
        print_plain(f"opta: {error.message}", sys.stderr)
        code = 2 if isinstance(error, Refused) or error.code in (ErrorCode.invalid, ErrorCode.bad_request) else 1
    except KeyboardInterrupt:
        code = 130
    except EOFError:
        print("\nopta: the input ended before the answer; nothing was changed", file=sys.stderr)
        code = 2
    except BrokenPipeError:
        code = 0
    except OSError as error:
        print_plain(f"opta: {error.strerror or error}: {error.filename or ''}", sys.stderr)
        code = 1
    sys.exit(code)
