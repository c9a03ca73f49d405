"""The proxy that commands reach the network through, on loopback and without a sandbox."""

import asyncio
import socket

import pytest

from opta_core.net.proxy import Proxy, Refusal


def test_one_request_a_connection_reaches_a_host() -> None:
    async def story() -> bytes:
        got: list[bytes] = []
        is_over = asyncio.Event()

        async def far(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            got.append(await reader.readuntil(b"\r\n\r\n"))
            # The answer ends here. The proxy closes this connection once it has passed on what it passes on.
            writer.write_eof()
            got.append(await reader.read())
            writer.close()
            await writer.wait_closed()
            is_over.set()

        async def resolve(host: str, port: int) -> list[str]:
            return ["93.184.216.34"]

        server = await asyncio.start_server(far, "127.0.0.1", 0)

        async def connect(address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            return await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])

        proxy = Proxy(("good.example",), resolve, connect)
        listener = socket.create_server(("127.0.0.1", 0))
        await proxy.serve(listener)
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.getsockname()[1])
        writer.write(b"GET http://good.example/ HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: other.example\r\n\r\n")
        await reader.read()
        await is_over.wait()
        writer.close()
        await writer.wait_closed()
        proxy.close()
        server.close()
        return b"".join(got)

    assert b"other.example" not in asyncio.run(story())


@pytest.mark.parametrize("host", ["::ffff:127.0.0.2", "::ffff:7f00:2", "::ffff:127.8.8.8"])
def test_no_spelling_of_an_address_of_this_machine_is_a_neighbour(host: str) -> None:
    with pytest.raises(Refusal):
        asyncio.run(Proxy(None, allows_network=True).address(host, 8080))
