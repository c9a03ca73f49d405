"""Adding an MCP server of the user to the settings, and removing it: the same checks for the command line, the page and other clients."""

import re
import shutil
from pathlib import Path
from typing import Any

from opta_protocol.error_info import ErrorCode
from opta_protocol.http_settings import AddMcpServer, SettingChange

from . import settings
from .errors import Refused
from .mcp_servers import McpServerSpec, is_name
from .setting_changes import table_change
from .settings import LoadedSettings, McpServerSettings


def add_server(loaded: LoadedSettings, wanted: AddMcpServer, search_path: str) -> SettingChange:
    """Write a server into config.toml. It is started when a turn or a test needs it. Raises Refused; nothing is written then."""
    if bool(wanted.command) == bool(wanted.url):
        raise Refused("Give either a program (opta mcp add NAME -- PROGRAM ARGS…) or an address (--url URL).")
    if not is_name(wanted.name):
        raise Refused(f"An MCP server cannot be named {wanted.name[:40]!r}: a name has 1 to 32 letters, digits, - and single _ characters.")
    if wanted.command and not find_program(wanted.command[0], search_path):
        raise Refused(f"There is no program {wanted.command[0]!r}. Install it, or give its whole path. (Nothing was changed.)")
    if wanted.url and not re.fullmatch(r"https?://[^\s/]+(/\S*)?", wanted.url):
        raise Refused(f"{wanted.url!r} is not an address; it must begin with http:// or https:// and name a host.")
    if bad := next((name for name in wanted.env if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)), None):
        raise Refused(f"{bad[:80]!r} is not the name of a variable; it has letters, digits and _ characters.")
    known = loaded.settings.mcp.servers.get(wanted.name)
    if known is not None and not wanted.replace:
        raise Refused(
            f"There is an MCP server {wanted.name} already. Replace it with --replace, or choose another name.", code=ErrorCode.conflict
        )
    settings.write_server(loaded.paths, wanted.name, _table(wanted))
    added = McpServerSettings(command=next(iter(wanted.command), ""), args=wanted.command[1:], env=wanted.env, url=wanted.url)
    return table_change(loaded, f"mcp.servers.{wanted.name}", _said(wanted.name, known) if known else "", _said(wanted.name, added))


def remove_server(loaded: LoadedSettings, name: str) -> SettingChange | None:
    """Remove a server of the user; None when there is none of that name. Raises Refused."""
    known = loaded.settings.mcp.servers.get(name)
    if not settings.write_server(loaded.paths, name, None):
        return None
    return table_change(loaded, f"mcp.servers.{name}", _said(name, known) if known else "", "")


def find_program(word: str, search_path: str) -> str:
    """The path of a program, by its path or by `search_path`; '' when there is none."""
    return shutil.which(str(Path(word).expanduser()) if "/" in word else word, path=search_path) or ""


def _table(wanted: AddMcpServer) -> dict[str, Any]:
    server: dict[str, Any] = {"url": wanted.url} if wanted.url else {"command": wanted.command[0], "args": wanted.command[1:]}
    if wanted.env:
        server["env"] = wanted.env
    if wanted.network:
        server["network"] = True
    return server


def _said(name: str, server: McpServerSettings) -> str:
    """What a server does, without the values of its environment."""
    return McpServerSpec(name=name, origin="user", command=server.command, args=tuple(server.args), env=server.env, url=server.url).says
