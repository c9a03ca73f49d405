"""MCP servers of a folder: their states, the approval of those that a repository offers, and their tools."""

import asyncio
import os

import msgspec

from opta_core import mcp_adding, mcp_servers, settings
from opta_core.errors import Refused
from opta_core.paths import Paths
from opta_protocol.error_info import ErrorCode
from opta_protocol.http import ApproveServer
from opta_protocol.http_lists import McpServers
from opta_protocol.http_settings import AddMcpServer, SettingChange

from ..endpoint import GatewayOf, TypedRouter, any_folder, body, flag

routes = TypedRouter()


@routes.get("/v3/mcp")
async def list_servers(gateway: GatewayOf, cwd: str = any_folder(), look: bool = flag("look")) -> McpServers:
    """The servers for a folder (`?cwd=`); without one, the user's. With `&look=1` they are started, and their tools are listed."""
    cwd = cwd or await asyncio.to_thread(_empty_folder, gateway.loaded.paths)
    found = await asyncio.to_thread(_servers, gateway.loaded.paths, cwd)
    if not look:
        return found
    listed = await gateway.worker.mcp_tools(cwd)
    tools = [msgspec.to_builtins(tool) for tool in listed.tools]
    return McpServers(servers=found.servers, problems=listed.problems, offers=msgspec.to_builtins(listed.servers), tools=tools)


@routes.post("/v3/mcp/approve")
async def approve_server(gateway: GatewayOf, wanted: ApproveServer = body(ApproveServer)) -> SettingChange:
    """Let a server that a trusted folder offers start, as it was shown: `sha256` names the definition that was shown."""
    paths = gateway.loaded.paths
    await gateway.change(mcp_servers.approve, paths, wanted.cwd, wanted.name, wanted.sha256)
    file = str(paths.daemon / "mcp_approvals.json")
    return SettingChange(file=file, key=f"{wanted.cwd}: {wanted.name}", new=f"approved as {wanted.sha256[:12]}", applies="turn")


@routes.post("/v3/mcp/servers", status_code=201)
async def add_server(gateway: GatewayOf, wanted: AddMcpServer = body(AddMcpServer)) -> SettingChange:
    """Add a server of the user to config.toml. It is started when a turn or a test needs it."""
    return await gateway.change(mcp_adding.add_server, gateway.now, wanted, settings.environment().get("PATH", os.defpath))


@routes.delete("/v3/mcp/servers/{name}")
async def remove_server(gateway: GatewayOf, name: str) -> SettingChange:
    """Remove a server of the user. One that runs is ended before the next turn."""
    change = await gateway.change(mcp_adding.remove_server, gateway.now, name)
    if change is None:
        raise Refused(f"There is no MCP server {name[:40]!r} of the user.", code=ErrorCode.not_found)
    return change


def _empty_folder(paths: Paths) -> str:
    """A folder of Opta that offers no server, in which the user's servers can be started."""
    folder = paths.workspaces / "mcp"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(folder)


def _servers(paths: Paths, cwd: str) -> McpServers:
    # Read anew: a server that was added to the settings is listed without a restart.
    offers, problems = mcp_servers.offered(settings.load_home(paths).settings, paths, cwd)
    return McpServers(servers=[mcp_servers.described(offer) for offer in offers], problems=problems)
