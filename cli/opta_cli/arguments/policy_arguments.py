"""`opta policy …`, `opta mcp …`, `opta skills …` and `opta hooks …`."""

from argparse import ArgumentParser

from ..cli_command import CliCommand, json_option, number


def _cwd(parser: ArgumentParser) -> None:
    parser.add_argument("--cwd", default="", metavar="FOLDER", help="the folder (default: the current folder)")


def _cwd_json(parser: ArgumentParser) -> None:
    _cwd(parser)
    json_option(parser)


def _check(parser: ArgumentParser) -> None:
    parser.add_argument("command", help="the command line, in quotes")
    parser.add_argument(
        "--rule", action="append", default=[], metavar="EFFECT:WORDS", help="an additional rule, such as 'allow:git status'"
    )
    parser.add_argument("--mode", choices=["chat", "do", "plan"], default="do", help="the mode to decide for (default: do)")
    parser.add_argument("--level", default="", metavar="N", help="L1, L2 or L3 (default: the mode's)")
    parser.add_argument("--headless", action="store_true", help="decide as if no person can be asked")
    _cwd_json(parser)


def _grant(parser: ArgumentParser) -> None:
    parser.add_argument("command", help="the command line, in quotes")
    parser.add_argument("--prefix", action="store_true", help="allow all commands that begin with its first two words")
    parser.add_argument("--days", type=number(0, 36_500), default=0.0, help="number of days after which the grant expires (0: never)")
    parser.add_argument("--preview", action="store_true", help="only show what the grant would allow")
    _cwd(parser)


def _revoke(parser: ArgumentParser) -> None:
    parser.add_argument("id", help="the grant, as `opta policy list` shows it")


def _trust(parser: ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", default="", help="the folder (default: the current folder)")
    parser.add_argument("--yes", action="store_true", help="trust it as shown")
    parser.add_argument("--withdraw", action="store_true", help="withdraw trust")


def _mcp_add(parser: ArgumentParser) -> None:
    parser.add_argument("name")
    parser.add_argument("command", nargs="*", help="the program and its arguments, after --")
    parser.add_argument("--url", default="", help="a streamable HTTP server")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="an additional environment variable")
    parser.add_argument("--network", action="store_true", help="allow the server to use the network")
    parser.add_argument("--replace", action="store_true", help="replace a server of this name")


def _mcp_name(parser: ArgumentParser) -> None:
    parser.add_argument("name")


def _mcp_approve(parser: ArgumentParser) -> None:
    _mcp_name(parser)
    parser.add_argument("--yes", action="store_true", help="approve it as shown")
    _cwd(parser)


def _mcp_test(parser: ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", default="", help="only this server")
    _cwd(parser)
    json_option(parser)


COMMANDS = [
    CliCommand("list", "list the rules and grants that apply here", "commands.policy:show", "policy list", _cwd_json),
    CliCommand("check", "show the decision for a command, without running it", "commands.policy:check", 'policy check "git push"', _check),
    CliCommand(
        "grant", "always allow exactly this command in this folder", "commands.policy:grant", 'policy grant "npm test" --preview', _grant
    ),
    CliCommand("revoke", "revoke a grant", "commands.policy:revoke", "policy revoke g1", _revoke),
    CliCommand(
        "trust",
        "trust a folder, so that its rules may allow more, after showing what they ask for",
        "commands.policy:give_trust",
        "policy trust",
        _trust,
    ),
    CliCommand("trusted", "list the folders that you trust", "commands.policy:list_trusted", "policy trusted", json_option),
]

MCP = [
    CliCommand(
        "add",
        "add an MCP server: a program behind --, or an address",
        "commands.mcp:add",
        "mcp add files -- npx server-files .",
        _mcp_add,
        rest="command",
    ),
    CliCommand("remove", "remove one of your servers", "commands.mcp:remove", "mcp remove files", _mcp_name),
    CliCommand("list", "list the servers for a folder", "commands.mcp:show", "mcp list", _cwd_json),
    CliCommand("approve", "approve a server that a trusted folder offers", "commands.mcp:approve", "mcp approve files", _mcp_approve),
    CliCommand("test", "start the servers and list their tools", "commands.mcp:test", "mcp test", _mcp_test),
]

SKILLS = [CliCommand("list", "list the skills for a folder", "commands.listings:list_skills", "skills list", _cwd_json)]
HOOKS = [CliCommand("list", "list your hooks", "commands.listings:list_hooks", "hooks list", json_option)]
