"""Two sessions at once."""

import asyncio
import contextlib
from pathlib import Path

from opta_cli.async_client import AsyncClient
from opta_cli.view import SessionView
from opta_protocol import wire


async def answer(client: AsyncClient, prompt: str) -> str:
    session = await client.post("/v3/sessions", {"cwd": str(Path.cwd()), "mode": "chat", "interactive": False})
    turn, view = await client.submit(session["id"], prompt), SessionView()
    async with contextlib.aclosing(client.events(session["id"])) as lines:
        async for line in lines:
            view.apply(wire.decode(line))
            if view.turn(turn).outcome is not None:
                break
    return "".join(block.text for block in view.blocks if block.kind == "answer")


async def main() -> None:
    client = AsyncClient.of_home()
    for text in await asyncio.gather(answer(client, "Say hello"), answer(client, "Say hello again")):
        print(text)


asyncio.run(main())
