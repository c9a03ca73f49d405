"""MCP servers of a folder: their states, the approval of those that a repository offers, and their tools."""

import asyncio

import msgspec

from opta_core import mcp_servers, settings
from opta_core.paths import Paths
from opta_protocol.http import ApproveServer, Ok
from opta_protocol.http_lists import McpServers

from ..endpoint import GatewayOf, TypedRouter, body, flag, folder

routes = TypedRouter()


@routes.get("/v3/mcp")
async def list_servers(gateway: GatewayOf, cwd: str = folder(), look: bool = flag("look")) -> McpServers:
    """The servers for a folder (`?cwd=`). With `&look=1` they are started, and their tools are listed."""
    found = await asyncio.to_thread(_servers, gateway.loaded.paths, cwd)
    if not look:
        return found
    listed = await gateway.worker.mcp_tools(cwd)
    tools = [msgspec.to_builtins(tool) for tool in listed.tools]
    return McpServers(servers=found.servers, problems=listed.problems, offers=msgspec.to_builtins(listed.servers), tools=tools)


@routes.post("/v3/mcp/approve")
async def approve_server(gateway: GatewayOf, wanted: ApproveServer = body(ApproveServer)) -> Ok:
    """Let a server that a trusted folder offers start, as it was shown: `sha256` names the definition that was shown."""
    await gateway.change(mcp_servers.approve, gateway.loaded.paths, wanted.cwd, wanted.name, wanted.sha256)
    return Ok()


def _servers(paths: Paths, cwd: str) -> McpServers:
    # Read anew: a server that was added to the settings is listed without a restart.
    offers, problems = mcp_servers.offered(settings.load().settings, paths, cwd)
    return McpServers(servers=[mcp_servers.described(offer) for offer in offers], problems=problems)
