"""MCP servers of a folder: which there are, which ask first, what they offer."""

import asyncio

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from opta_core import mcp_servers, settings
from opta_core.errors import Refused
from opta_protocol.http import ApproveServer, Ok

from ..rest import answer, describes, gateway_of, read_body

router = APIRouter()


@router.get("/v3/mcp")
async def list_servers(request: Request) -> Response:
    """The servers for a folder (`?cwd=`); with `&look=1` they are started and tell what they offer."""
    gateway = gateway_of(request)
    cwd = request.query_params.get("cwd", "")
    if not cwd.startswith("/") or "\0" in cwd:
        raise Refused("Name the folder: ?cwd=/absolute/path.")
    offers, problems = await asyncio.to_thread(mcp_servers.offered, settings.load().settings, gateway.loaded.paths, cwd)
    found = {"servers": [mcp_servers.described(offer) for offer in offers], "problems": problems}
    if request.query_params.get("look") == "1":
        listed = await gateway.backend.tools(cwd)
        found |= {"offers": listed.servers, "tools": [msgspec.to_builtins(tool) for tool in listed.tools], "problems": listed.problems}
    return answer(found)


@router.post("/v3/mcp/approve", openapi_extra=describes(Ok, ApproveServer))
async def approve_server(request: Request) -> Response:
    """Let a server that a trusted folder offers start, as it was shown: `sha256` names what was shown."""
    wanted = await read_body(request, ApproveServer)
    await asyncio.to_thread(mcp_servers.approve, gateway_of(request).loaded.paths, wanted.cwd, wanted.name, wanted.sha256)
    return answer(Ok())
