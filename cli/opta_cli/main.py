"""`opta`: the tree of commands. Wiring only."""

import argparse
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from opta_core import settings
from opta_core.errors import OptaError, Refused
from opta_core.provider_settings import PROVIDER_TYPES
from opta_core.settings import LoadedSettings
from opta_core.version import VERSION
from opta_protocol.error_info import ErrorCode

from . import session_arguments
from .commands import account, chat, config, daemon, doctor, listings, mcp, policy, session_worktrees, turn_requests
from .plain_text import print_plain
from .supervise import NoDaemon

Run = Callable[[LoadedSettings, argparse.Namespace], int]


def parser() -> argparse.ArgumentParser:
    """The parser with all commands and options. `docs/cli.md` is generated from it."""
    top = argparse.ArgumentParser(prog="opta", description="A crash-proof coding agent on your own machines.")
    top.add_argument("--no-daemon-start", action="store_true", help="fail with exit 3 instead of starting the daemon")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    up = _add(commands, "up", daemon.up, "start everything and print the page's address")
    up.add_argument("--no-open", action="store_true", help="do not open the browser")
    up.add_argument("--only", default="", metavar="SERVICES", help="start only these services, separated by commas")
    up.add_argument("--detach", action="store_true", help="return when Opta is ready; it continues in the background")
    _add(commands, "down", daemon.down, "stop everything; sessions are kept")
    opened = _add(commands, "open", daemon.open_page, "open the page")
    opened.add_argument("--no-open", action="store_true", help="only print its address")
    _add(commands, "status", daemon.status, "show running services and available models").add_argument("--json", action="store_true")

    for name, run, text in (
        ("chat", chat.chat, "hold a conversation; you approve each step"),
        ("do", chat.do, "work on a task until it is done"),
    ):
        command = _add(commands, name, run, text)
        command.add_argument("text", nargs="*", help="the prompt; read from standard input when piped")
        command.add_argument("--session", default="", help="continue this session")
        command.add_argument("--model", default="", help="provider/model, or a model's name")
        command.add_argument(
            "--level",
            default="",
            choices=["L1", "L2", "L3"],
            help="which calls need your approval: L1 all, L2 by the default rules, L3 not for writes in the workspace",
        )
        command.add_argument("--cwd", default="", help="the workspace (default: the current folder)")
        command.add_argument(
            "--attach",
            "--image",
            action="append",
            default=[],
            metavar="FILE",
            help="send an image or a text file with the prompt; may be repeated (files of the workspace: @path in the prompt)",
        )
        command.add_argument("--json", action="store_true", help="print the events exactly as stored")
        turn_requests.add_limits(command)
        session_worktrees.add_options(command)
        if name == "do":
            command.add_argument("--plan", action="store_true", help="only read, and make a plan that you accept or change")
            command.add_argument("--from-plan", default="", metavar="TURN", help="carry out the plan of a turn of --session")
        if name == "chat":
            command.add_argument("--mode", default="chat", choices=["chat", "do", "plan"], help="what the model may do (default: chat)")
            command.add_argument("--once", action="store_true", help="one prompt, then exit")

    session_arguments.add(_group(commands, "sessions", "list, show, steer, fork, repair and export sessions"), _add)
    _daemon(_group(commands, "daemon", "control the daemon's processes"))
    _config(_group(commands, "config", "settings and providers"))
    _account(_group(commands, "account", "keys of providers"))
    _policy(_group(commands, "policy", "rules, grants and trust"))
    _mcp(_group(commands, "mcp", "MCP servers with further tools"))
    _extensions(commands)
    _models(
        _group(
            commands, "models", "models: list those of LMX and of every provider; load, unload, download, measure those of LMX; examine any"
        )
    )
    _lmx(_group(commands, "lmx", "the inference server, on this machine and on others"))
    probe = _add(commands, "doctor", doctor.doctor, "check the installation, and diagnose what is wrong in five steps")
    probe.add_argument("--probe", action="store_true", help="send a turn through every process; it uses a tool, and no fallback")
    probe.add_argument("--fix", action="store_true", help="repair what can be repaired, and diagnose again")
    probe.add_argument("--session", default="", metavar="ID", help="diagnose the turn of this session too")
    probe.add_argument("--contain", action="store_true", help="pause the running turns of all other sessions")
    probe.add_argument("--note", action="store_true", help="write the post-mortem into the session")
    probe.add_argument("--evidence", default="", metavar="FILE", help="save the evidence of the session as a zip, with secrets masked")
    probe.add_argument("--policy", action="store_true", help="check the policy files that apply here; shows file, line and fix")
    probe.add_argument("--json", action="store_true")
    _add(commands, "version", _version, "print the version")
    return top


def _account(group: Any) -> None:
    for name, run, text in (
        ("add", account.add, "store a provider's key in the keychain; it is read from standard input"),
        ("rotate", account.rotate, "replace a key; the next request of running sessions uses the new key"),
        ("remove", account.remove, "remove a key"),
    ):
        _add(group, name, run, text).add_argument("name", help="the provider's name")
    _add(group, "list", account.show, "list the stored keys, masked").add_argument("--json", action="store_true")
    _add(group, "export", account.export, "write all keys to a file, encrypted with a passphrase").add_argument("file")
    imported = _add(group, "import", account.import_keys, "store the keys of an exported file")
    imported.add_argument("file")
    imported.add_argument("--replace", action="store_true", help="also replace existing keys")


def _policy(group: Any) -> None:
    listed = _add(group, "list", policy.show, "list the rules and grants that apply here")
    checked = _add(group, "check", policy.check, "show the decision for a command, without running it")
    checked.add_argument("command", help="the command line, in quotes")
    checked.add_argument(
        "--rule", action="append", default=[], metavar="EFFECT:WORDS", help="an additional rule, such as 'allow:git status'"
    )
    checked.add_argument("--mode", choices=["chat", "do", "plan"], default="do")
    checked.add_argument("--level", default="", metavar="N", help="L1, L2 or L3 (default: the mode's)")
    checked.add_argument("--headless", action="store_true", help="decide as if no person can be asked")
    granted = _add(group, "grant", policy.grant, "always allow exactly this command in this folder")
    granted.add_argument("command")
    granted.add_argument("--prefix", action="store_true", help="allow all commands that begin with its first two words")
    granted.add_argument("--days", type=float, default=0.0, help="number of days after which the grant expires")
    granted.add_argument("--preview", action="store_true", help="only show what the grant would allow")
    for command in (listed, checked, granted):
        command.add_argument("--cwd", default="", help="the folder (default: the current folder)")
        if command is not granted:
            command.add_argument("--json", action="store_true")
    _add(group, "revoke", policy.revoke, "revoke a grant").add_argument("id")
    trusted = _add(group, "trust", policy.give_trust, "trust a folder, so that its rules may allow more, after showing what they ask for")
    trusted.add_argument("folder", nargs="?", default="")
    trusted.add_argument("--yes", action="store_true", help="trust it as shown")
    trusted.add_argument("--withdraw", action="store_true", help="withdraw trust")


def _mcp(group: Any) -> None:
    added = _add(group, "add", mcp.add, "add an MCP server: opta mcp add NAME -- PROGRAM ARGS, or --url URL")
    added.add_argument("name")
    added.add_argument("command", nargs="*", help="the program and its arguments, after --")
    added.add_argument("--url", default="", help="a streamable HTTP server")
    added.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="an additional environment variable")
    added.add_argument("--network", action="store_true", help="allow the server to use the network")
    _add(group, "remove", mcp.remove, "remove one of your servers").add_argument("name")
    listed = _add(group, "list", mcp.show, "list the servers for a folder")
    approved = _add(group, "approve", mcp.approve, "approve a server that a trusted folder offers")
    approved.add_argument("name")
    approved.add_argument("--yes", action="store_true", help="approve it as shown")
    tested = _add(group, "test", mcp.test, "start the servers and list their tools")
    tested.add_argument("name", nargs="?", default="")
    for command in (listed, approved, tested):
        command.add_argument("--cwd", default="", help="the folder (default: the current folder)")


def _extensions(commands: Any) -> None:
    listed = _add(
        _group(commands, "skills", "skills: instructions for kinds of tasks"), "list", listings.list_skills, "list the skills for a folder"
    )
    listed.add_argument("--cwd", default="", help="the folder (default: the current folder)")
    hooks = _add(
        _group(commands, "hooks", "your programs that judge and follow tool calls"), "list", listings.list_hooks, "list your hooks"
    )
    for command in (listed, hooks):
        command.add_argument("--json", action="store_true")


def _models(group: Any) -> None:
    _add(group, "list", _late(_models_module, "show"), "list all models, and which are loaded").add_argument("--json", action="store_true")
    searched = _add(
        group, "search", _late(_model_search_module, "search"), "search the models of this machine, and the MLX models of the hub"
    )
    searched.add_argument("words", nargs="+", metavar="WORD")
    searched.add_argument("--here", action="store_true", help="only on this machine")
    searched.add_argument("--json", action="store_true")
    advised = _add(
        group, "recommend", _late(_model_search_module, "recommend"), "show which models fit into the memory, with what they need"
    )
    advised.add_argument("--context", type=int, default=32768, help="tokens of a conversation to count with (default: 32768)")
    advised.add_argument("--json", action="store_true")
    _add(group, "use", _late(_models_module, "use"), "use a model for new turns").add_argument("name")
    loaded = _add(group, "load", _late(_models_module, "load"), "load a model, also one that failed to load before")
    loaded.add_argument("name")
    loaded.add_argument("--pin", action="store_true", help="keep it loaded until it is unloaded")
    _add(group, "unload", _late(_models_module, "unload"), "unload a model, even while it is in use").add_argument("name")
    pulled = _add(group, "pull", _late(_models_module, "pull"), "download a model from the hub, after showing its size and licence")
    pulled.add_argument("repo", metavar="OWNER/NAME")
    pulled.add_argument("--name", default="", help="its local name (default: NAME)")
    pulled.add_argument("--revision", default="", help="a branch, tag or commit (default: the newest)")
    pulled.add_argument("--yes", action="store_true", help="download without confirmation")
    pulled.add_argument("--token-stdin", action="store_true", help="read the hub's token for a gated model from standard input")
    imported = _add(
        group, "import", _late(_model_import_module, "import_file"), "make a model folder from a GGUF file, or from a model of Ollama"
    )
    imported.add_argument("file", metavar="FILE", help="a GGUF file, ollama:NAME, or a GGUF file's name in the list")
    imported.add_argument("--name", default="", help="its name here (default: the file's, without the quantisation)")
    imported.add_argument("--dtype", default="", choices=["float32", "float16", "bfloat16"], help="type of numbers that are not quantised")
    imported.add_argument("--plain", action="store_true", help="also make plain numbers of quantised weights: larger, faster without a GPU")
    smaller = _add(group, "quantise", _late(_model_import_module, "quantise"), "make a smaller copy of a model; the model itself stays")
    smaller.add_argument("name_of_model", metavar="NAME")
    smaller.add_argument("--bits", type=int, default=4, choices=[4, 8], help="bits of a weight (default: 4)")
    smaller.add_argument("--group-size", type=int, default=64, choices=[32, 64, 128], help="weights that share a scale (default: 64)")
    smaller.add_argument("--name", default="", help="the copy's name (default: NAME-4bit or NAME-8bit)")
    measured = _add(
        group, "bench", _late(_models_module, "bench"), "measure a model: first token, prefill and decoding, alone and concurrently"
    )
    measured.add_argument("name", nargs="?", default="")
    measured.add_argument("--tokens", type=int, default=64, help="tokens per answer")
    measured.add_argument("--prompt", type=int, default=100, help="words per prompt when measuring the first token")
    measured.add_argument("--json", action="store_true")
    examined = _add(
        group, "exam", _late(_exam_module, "exam"), "find out which models can do agent work: small tasks, checked by their results"
    )
    examined.add_argument("models", nargs="*", metavar="MODEL", help="provider/model, or a model's name; several are examined in turn")
    examined.add_argument(
        "--only", action="append", default=[], metavar="KIND", help="only tasks of this kind; may be repeated, also with --compare"
    )
    examined.add_argument("--tasks", type=int, default=0, metavar="N", help="only N tasks, in turn from each kind")
    examined.add_argument("--again", action="store_true", help="begin anew instead of continuing an unfinished run")
    examined.add_argument("--keep", action="store_true", help="keep the sessions and folders of the tasks")
    views = examined.add_mutually_exclusive_group()
    views.add_argument("--compare", action="store_true", help="compare the kept results of all models, or of those named")
    views.add_argument("--show", action="store_true", help="show the kept results of all models, or of those named")
    views.add_argument("--list", action="store_true", help="list the tasks")
    forms = examined.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true")
    forms.add_argument("--csv", action="store_true")
    forms.add_argument("--markdown", action="store_true")


def _lmx(group: Any) -> None:
    served = _add(group, "serve", _late(_lmx_module, "serve"), "serve models on this machine, in the foreground, without the daemon")
    served.add_argument("--model-path", default="", help="a model folder, which becomes the default model")
    served.add_argument("--port", type=int, default=-1, help="the port; 0 takes a free one")
    _add(group, "status", _late(_lmx_module, "status"), "show memory and loaded models").add_argument("--json", action="store_true")
    _add(group, "doctor", _late(_lmx_module, "doctor"), "check a machine that serves models").add_argument("--json", action="store_true")
    installed = _add(group, "install", _late(_lmx_module, "install"), "run LMX as a system service (launchd, systemd), without the daemon")
    installed.add_argument("--print", action="store_true", help="only print the service file")
    _add(group, "uninstall", _late(_lmx_module, "uninstall"), "remove the system service; models, keys and settings are kept")
    paired = _add(group, "pair", _late(_lmx_module, "pair"), "show a pairing code; with HOST, pair with the code that HOST shows")
    paired.add_argument("host", nargs="?", default="", help="the other machine, with its port when it is not 1234")
    paired.add_argument("--admin", action="store_true", help="the paired machine may also load, unload and pull models")
    paired.add_argument("--code-stdin", action="store_true", help="read the code from standard input")
    used = _add(group, "use-with", _late(_lmx_module, "use_with"), "print or write the configuration by which another client uses LMX")
    used.add_argument("client", choices=("claude", "codex", "opencode", "pi", "zed", "continue"))
    used.add_argument("--model", default="", help="the model to use (default: LMX's default model)")
    used.add_argument("--write", action="store_true", help="show the change of the client's file, ask, and write it; a backup is kept")
    used.add_argument("--yes", action="store_true", help="do not ask")
    found = _add(group, "find", _late(_lmx_module, "find"), "list machines on this network that offer LMX")
    found.add_argument("--seconds", type=float, default=3.0, help="seconds to search")
    keys = group.add_parser("keys", help="keys for clients of this LMX", description="keys for clients of this LMX")
    kinds = keys.add_subparsers(dest="keys_command", metavar="COMMAND", required=True)
    added = _add(kinds, "add", _late(_lmx_module, "add_key"), "create a key; it is shown once")
    added.add_argument("name")
    added.add_argument("--admin", action="store_true", help="the key may also load, unload and pull models")
    _add(kinds, "list", _late(_lmx_module, "list_keys"), "list all keys by name")
    _add(kinds, "remove", _late(_lmx_module, "remove_key"), "revoke a key").add_argument("name")


def _daemon(group: Any) -> None:
    _add(group, "start", daemon.daemon_start, "start the daemon in the background")
    _add(group, "stop", daemon.daemon_stop, "stop gateway, agent, tools and sessions")
    _add(group, "restart", daemon.daemon_restart, "restart the daemon, or one service").add_argument("service", nargs="?", default="")
    _add(group, "status", daemon.status, "what runs").add_argument("--json", action="store_true")
    logs = _add(group, "logs", daemon.logs, "print the last log lines")
    logs.add_argument("service", nargs="?", default="")
    logs.add_argument("--lines", type=int, default=100)


def _config(group: Any) -> None:
    _add(group, "get", config.get, "print a value").add_argument("key")
    changed = _add(group, "set", config.set_value, "set a value")
    changed.add_argument("key")
    changed.add_argument("value")
    _add(group, "list", config.list_values, "list all values").add_argument(
        "--origin", action="store_true", help="also show the origin of each value"
    )
    added = _add(group, "add-provider", _late(_provider_module, "add"), "add a provider of models")
    added.add_argument("name")
    added.add_argument("--type", required=True, choices=PROVIDER_TYPES)
    added.add_argument("--base-url", default="")
    added.add_argument("--host", default="", help="another machine's LMX: HOST or HOST:PORT")
    added.add_argument("--model", default="")
    added.add_argument("--context", type=int, default=0, help="context length of the model in tokens")
    added.add_argument("--key-stdin", action="store_true", help="read the key from standard input into the keychain")
    _add(group, "remove-provider", _late(_provider_module, "remove"), "remove a provider of models").add_argument("name")


def _late(load: Callable[[], ModuleType], name: str) -> Run:
    """A command whose module is imported when it runs, because LMX commands import TLS and an event loop."""

    def run(loaded: LoadedSettings, args: argparse.Namespace) -> int:
        return getattr(load(), name)(loaded, args)

    return run


def _provider_module() -> ModuleType:
    from .commands import provider

    return provider


def _models_module() -> ModuleType:
    from .commands import models

    return models


def _exam_module() -> ModuleType:
    from .commands import exam

    return exam


def _model_search_module() -> ModuleType:
    from .commands import model_search

    return model_search


def _model_import_module() -> ModuleType:
    from .commands import model_import

    return model_import


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
    """Run one command and exit with its exit code."""
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
