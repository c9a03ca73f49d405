"""opta mcp: your MCP servers, the servers that a folder offers, and their tools."""

import argparse
import os
import re
import sys
from pathlib import Path
from urllib.parse import quote

import msgspec

from opta_core import mcp_servers, settings
from opta_core.errors import Refused
from opta_core.mcp_adding import add_server, remove_server
from opta_core.settings import LoadedSettings
from opta_protocol.http_settings import AddMcpServer

from ..ask import confirm
from ..cli_command import nearest
from ..connection import connect
from ..daemon_change import change_by_daemon, removed
from ..plain_text import plain_json, print_line


def add(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta mcp add"""
    command = [word for word in args.command if word != "--"]
    if bool(command) == bool(args.url):
        raise Refused("Give either a program (opta mcp add NAME -- PROGRAM ARGS…) or an address (--url URL).")
    for pair in args.env:
        if not re.fullmatch(r"[A-Za-z_]\w*=.*", pair, re.DOTALL):
            raise Refused(f"--env is {pair!r}; it must be NAME=VALUE.")
    wanted = AddMcpServer(
        name=args.name,
        command=_whole(command),
        url=args.url,
        env=dict(pair.partition("=")[::2] for pair in args.env),
        network=args.network,
        replace=args.replace,
    )
    search_path = settings.environment().get("PATH", os.defpath)
    change_by_daemon(loaded, "POST", "/v3/mcp/servers", msgspec.to_builtins(wanted), lambda: add_server(loaded, wanted, search_path))
    print_line(f"MCP server {args.name} is added. See its tools: opta mcp test {args.name}")
    return 0


def remove(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta mcp remove"""
    if args.name not in settings.read_config(loaded.paths.config).get("mcp", {}).get("servers", {}):
        raise Refused(f"There is no MCP server {args.name!r}.{nearest(args.name, loaded.settings.mcp.servers)} `opta mcp list` shows them.")
    change_by_daemon(
        loaded, "DELETE", f"/v3/mcp/servers/{quote(args.name, safe='')}", None, lambda: removed(remove_server(loaded, args.name), args.name)
    )
    print_line(f"MCP server {args.name} is removed.")
    return 0


def show(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta mcp list"""
    offers, problems = mcp_servers.offered(loaded.settings, loaded.paths, _cwd(args))
    if args.json:
        servers = [
            {"name": offer.spec.name, "origin": offer.spec.origin, "does": offer.spec.says, "state": offer.state} for offer in offers
        ]
        print(plain_json(msgspec.json.encode({"servers": servers, "problems": problems})).decode())
        return 0
    for offer in offers:
        asks = "" if offer.state == "approved" else "  (not started: opta mcp approve " + offer.spec.name + ")"
        print_line(f"{offer.spec.name:16} {offer.spec.origin:8} would {offer.spec.says}{asks}")
    for problem in problems:
        print_line(f"opta: {problem}", sys.stderr)
    if not offers:
        print("No MCP servers. opta mcp add NAME -- PROGRAM, or: opta config set mcp.peekaboo true", file=sys.stderr)
    return 0


def approve(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta mcp approve"""
    specs, _ = mcp_servers.of_project(loaded.paths, _cwd(args))
    spec = next((spec for spec in specs if spec.name == args.name), None)
    if spec is None:
        raise Refused(f"{_cwd(args)} offers no MCP server {args.name!r}, or is not trusted (opta policy trust).")
    print_line(f"{spec.name} would {spec.says}")
    if not args.yes and not confirm("Approve this server?"):
        print("opta: nothing was changed; use `--yes` to approve it as shown", file=sys.stderr)
        return 0
    mcp_servers.approve(loaded.paths, _cwd(args), spec.name, spec.digest)
    print_line(f"{spec.name} is approved, as long as it does not change.")
    return 0


def test(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta mcp test"""
    found = connect(loaded, args).get("/v3/mcp", cwd=_cwd(args), look="1")
    if args.json:
        print(plain_json(msgspec.json.encode(found)).decode())
        return 1 if found["problems"] or (args.name and args.name not in found["offers"]) else 0
    for name, offer in found["offers"].items():
        if args.name in ("", name):
            print_line(f"{name}: {offer['tools']} tools, {len(offer['resources'])} resources, {len(offer['prompts'])} prompts")
    for tool in found["tools"]:
        if args.name in ("", tool["server"]):
            print_line(f"  {tool['name']}  {tool['description'].splitlines()[0][:100] if tool['description'] else ''}")
    for problem in found["problems"]:
        print_line(f"opta: {problem}", sys.stderr)
    return 1 if found["problems"] or (args.name and args.name not in found["offers"]) else 0


def _whole(command: list[str]) -> list[str]:
    """A program by a relative path gets its whole one: the daemon starts it in another folder."""
    return [str(Path(command[0]).absolute()), *command[1:]] if command and "/" in command[0] and command[0][0] not in "/~" else command


def _cwd(args: argparse.Namespace) -> str:
    return str(Path(args.cwd or ".").absolute())
