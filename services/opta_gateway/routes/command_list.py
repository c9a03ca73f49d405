"""Custom commands of a folder."""

import asyncio

from opta_core import custom_commands
from opta_protocol.http_lists import CommandInfo, CommandList

from ..endpoint import GatewayOf, TypedRouter, any_folder

routes = TypedRouter()


@routes.get("/v3/commands")
async def list_commands(gateway: GatewayOf, cwd: str = any_folder()) -> CommandList:
    """The commands that a message in a folder (`?cwd=`) can begin with, as `/name arguments`; without a folder, the user's."""
    found = await asyncio.to_thread(custom_commands.load, gateway.loaded.paths, cwd)
    commands = [
        CommandInfo(
            name=each.name,
            description=each.description,
            arguments=each.arguments,
            origin=each.origin,
            path=each.path,
            mode=each.mode,
            model=each.model,
        )
        for each in found.by_name.values()
    ]
    return CommandList(commands=commands, problems=found.problems)
