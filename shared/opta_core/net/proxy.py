"""The way out for contained commands and for the browser: an HTTP proxy that knows which names may be asked for.

It resolves a name once and connects to that address, never to a private, loopback, link-local or otherwise special
one; so neither a name nor a redirect leads back into the machine or its network. Only CONNECT to 443 and plain HTTP to 80,
or the ports named in the list (`host:port`).
"""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Awaitable, Callable

from opta_core.errors import Refused
from opta_core.logs import Log

HEAD_BYTES_MAX = 16 * 1024
HEAD_S = 10.0
CONNECT_S = 10.0
IDLE_S = 300.0
CONNECTIONS_MAX = 64

Resolve = Callable[[str, int], Awaitable[list[str]]]
Connect = Callable[[str, int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
log = Log("proxy")


# Addresses of IPv4 in IPv6 (RFC 6052), and where a cloud keeps credentials in a private range.
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_METADATA = frozenset({ipaddress.ip_address("fd00:ec2::254")})


class Refusal(Refused):
    """Why a request is not passed on."""


class Proxy:
    """Serves one listening socket. `allowed`: exact host names, or `host:port`; None for every public one.

    A port of this machine is reached only when the list names it (`127.0.0.1:5432` or `localhost:5432`). `allows_network`: addresses of
    the local network too, but none of this machine. `allows_local`: private and loopback addresses too. Those of a cloud's metadata never.
    """

    def __init__(
        self,
        allowed: tuple[str, ...] | None,
        resolve: Resolve | None = None,
        connect: Connect | None = None,
        *,
        named: tuple[str, ...] = (),
        allows_network: bool = False,
        allows_local: bool = False,
    ):
        self._allowed = None if allowed is None else frozenset(_plain(name) for name in allowed)
        self._named = frozenset(_plain(name) for name in (*(allowed or ()), *named) if is_loopback_port(name))
        self._allows_network, self._allows_local = allows_network, allows_local
        self._resolve, self._connect = resolve or _resolve, connect or asyncio.open_connection
        self._server: asyncio.Server | None = None
        self._open = 0

    async def serve(self, listener: socket.socket) -> None:
        """Answer on a listening socket until `close`."""
        self._server = await asyncio.start_server(self._answer, sock=listener, limit=HEAD_BYTES_MAX)

    def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open > CONNECTIONS_MAX:
                raise Refusal("too many connections")
            async with asyncio.timeout(HEAD_S):
                head = await reader.readuntil(b"\r\n\r\n")
            host, port, first = target(head)
            address = await self.address(host, port)
            async with asyncio.timeout(CONNECT_S):
                far_reader, far_writer = await self._connect(address, port)
            if first:
                far_writer.write(first)
                # One request: its body, and nothing that follows it.
                try:
                    await asyncio.gather(_pass_body(reader, far_writer, head), _pass(far_reader, writer))
                finally:
                    far_writer.close()
            else:
                writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
                await asyncio.gather(_pass(reader, far_writer), _pass(far_reader, writer))
        except Refusal as refusal:
            log.warning("refused", reason=refusal)
            body = f"opta: {refusal}\n".encode()
            writer.write(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        finally:
            self._open -= 1
            with contextlib.suppress(OSError):
                writer.close()

    async def address(self, host: str, port: int) -> str:
        """The one address that a host stands for. Raises Refusal."""
        name = _plain(host)
        if f"{name}:{port}" in self._named:
            return "127.0.0.1" if name == "localhost" else name
        if self._allowed is not None:
            if name not in self._allowed and f"{name}:{port}" not in self._allowed:
                raise Refusal(f"{host[:80]} is not in sandbox.allow-hosts")
            if f"{name}:{port}" not in self._allowed and port not in (80, 443):
                raise Refusal(f"port {port} of {host[:80]} is not in sandbox.allow-hosts")
        try:
            addresses = await self._resolve(name, port)
        except (OSError, UnicodeError) as error:
            raise Refusal(f"{host[:80]} cannot be resolved") from error
        for address in map(_unmapped, addresses):
            if not self._allows_local and _is_of_this_machine(address):
                continue
            if is_public(address) or (self._allows_local and is_local(address)) or (self._allows_network and is_neighbour(address)):
                return address
        raise Refusal(
            f"{host[:80]} is a private address; a port of this machine is reached when sandbox.allow-hosts names it, as in 127.0.0.1:{port}"
        )


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found in _NAT64:
            found = ipaddress.IPv6Address(f"::ffff:{ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)}")
        embedded = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if embedded is not None:
            found = embedded
    return found.is_global and not found.is_multicast


def is_local(address: str) -> bool:
    """Whether an IP address is of this machine or a private network; link-local ones, where clouds keep credentials, are not."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if found in _METADATA:
        return False
    if found.is_reserved or (isinstance(found, ipaddress.IPv4Address) and int(found) >> 24 == 0) or found in _NAT64_LOCAL:
        return False
    return (found.is_private or found.is_loopback) and not found.is_link_local and not found.is_unspecified


def is_loopback_port(entry: str) -> bool:
    """Whether an entry of sandbox.allow-hosts names a port of this machine."""
    host, colon, port = entry.rpartition(":")
    return bool(colon) and port.isdecimal() and host.casefold() in ("127.0.0.1", "localhost")


def is_neighbour(address: str) -> bool:
    """Whether an IP address is of another machine of the local network: private, and none of this machine's own."""
    address = _unmapped(address)
    if not is_local(address) or ipaddress.ip_address(address).is_loopback:
        return False
    return not _is_of_this_machine(address)


def _unmapped(address: str) -> str:
    """An IPv4 address that is written as one of IPv6, as what it is."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped) if mapped is not None else address


def _is_of_this_machine(address: str) -> bool:
    """Whether an address is one of this machine's own, whatever network it belongs to."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        # What the machine would send from: for one of its own addresses that is the address itself. Nothing is sent.
        with socket.socket(family, socket.SOCK_DGRAM) as way:
            way.connect((address, 9))
            return way.getsockname()[0] == address
    except (OSError, ValueError):
        return False


def target(head: bytes) -> tuple[str, int, bytes]:
    """(host, port, what to send on first; b'' for a tunnel) of a request's head. Raises Refusal."""
    line, _, rest = head.partition(b"\r\n")
    words = line.split(b" ")
    if len(words) != 3:
        raise Refusal("this is no HTTP request")
    method, where, version = words
    if method == b"CONNECT":
        host, port = _split(where.decode(errors="replace"), 443)
        return host, port, b""
    if not where.lower().startswith(b"http://"):
        raise Refusal("this is no request to a proxy")
    authority, _, path = where[7:].partition(b"/")
    host, port = _split(authority.decode(errors="replace"), 80)
    # One request a connection, to the host that was judged.
    kept = [field for field in rest.split(b"\r\n") if not field.lower().startswith((b"proxy-", b"connection:", b"host:"))]
    fields = b"\r\n".join([b"Host: " + authority, b"Connection: close", *kept])
    return host, port, b"%b /%b %b\r\n%b" % (method, path, version, fields)


def _split(authority: str, default: int) -> tuple[str, int]:
    if "@" in authority:
        raise Refusal("an address with a user name is not passed on")
    host, colon, port = authority.rpartition(":") if not authority.endswith("]") else (authority, "", "")
    if not colon:
        host, port = authority, str(default)
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise Refusal(f"{authority[:80]} has no usable port")
    return host.strip("[]"), int(port)


def _plain(name: str) -> str:
    return name.casefold().rstrip(".")


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


async def _pass_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
    """Pass on the body that a request's head announces. A body in chunks is passed on until the client ends it."""
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])}
    if b"transfer-encoding" in fields:
        await _pass(reader, writer)
        return
    left = int(fields[b"content-length"]) if fields.get(b"content-length", b"").isdigit() else 0
    with contextlib.suppress(OSError, TimeoutError):
        while left:
            async with asyncio.timeout(IDLE_S):
                chunk = await reader.read(min(left, 64 * 1024))
            if not chunk:
                return
            left -= len(chunk)
            writer.write(chunk)
            await writer.drain()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            async with asyncio.timeout(IDLE_S):
                chunk = await reader.read(64 * 1024)
            if not chunk:
                break
            writer.write(chunk)
            await writer.drain()
    except (OSError, TimeoutError):
        pass
    finally:
        with contextlib.suppress(OSError):
            writer.close()
