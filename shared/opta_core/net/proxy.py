"""Network access for sandboxed commands and the browser: an HTTP proxy that allows a list of host names.

It resolves a name once and connects to that address. It refuses private, loopback, link-local and other special addresses, so
that neither a name nor a redirect leads back to this machine or its network. It allows CONNECT to port 443, plain HTTP to port
80, and the ports in the list (`host:port`).
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


# IPv4 addresses inside IPv6 (RFC 6052), and addresses of cloud credentials in private ranges.
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_METADATA = frozenset({ipaddress.ip_address("fd00:ec2::254")})
# Not on the internet, though some versions of Python say so: local NAT64, site-local, IPv4-compatible, protocol assignments, 6to4 relays,
# segment routing and documentation.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in ("64:ff9b:1::/48", "fec0::/10", "::/96", "192.0.0.0/24", "192.88.99.0/24", "5f00::/16", "3fff::/20")
)


class Refusal(Refused):
    """The reason why a request is refused."""


class Proxy:
    """Serves one listening socket. `allowed`: exact host names, or `host:port`; None allows every public host.

    A port of this machine is allowed only when the list names it (`127.0.0.1:5432` or `localhost:5432`). `allows_network` adds the
    local network without this machine; `allows_local` adds private and loopback addresses. Cloud metadata addresses are never allowed.
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
        """Serve a listening socket until `close`."""
        self._server = await asyncio.start_server(self._answer, sock=listener, limit=HEAD_BYTES_MAX)

    def close(self) -> None:
        """Stop serving."""
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
                # Forward one request with its body, and nothing after it.
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
        """Resolve an allowed host to one allowed address. Raises Refusal."""
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
    """Whether an IP address is public."""
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
    return found.is_global and not found.is_multicast and not any(found in network for network in _NOT_PUBLIC)


def is_local(address: str) -> bool:
    """Whether an IP address is on this machine or a private network. Link-local addresses, where clouds serve credentials, are not."""
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
    """Whether an IP address belongs to another machine on the local network: private, and not of this machine."""
    address = _unmapped(address)
    if not is_local(address) or ipaddress.ip_address(address).is_loopback:
        return False
    return not _is_of_this_machine(address)


def _unmapped(address: str) -> str:
    """An IPv4-mapped IPv6 address as IPv4; other addresses unchanged."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped) if mapped is not None else address


def _is_of_this_machine(address: str) -> bool:
    """Whether an address belongs to an interface of this machine."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        # For an address of this machine, the source address is the address itself. Connecting a UDP socket sends nothing.
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            return probe.getsockname()[0] == address
    except (OSError, ValueError):
        return False


def target(head: bytes) -> tuple[str, int, bytes]:
    """Parse a request's head: (host, port, head to forward; b'' for a tunnel). Raises Refusal."""
    line, _, rest = head.partition(b"\r\n")
    words = line.split(b" ")
    if len(words) != 3:
        raise Refusal("this is not an HTTP request")
    method, where, version = words
    if method == b"CONNECT":
        host, port = _split(where.decode(errors="replace"), 443)
        return host, port, b""
    if not where.lower().startswith(b"http://"):
        raise Refusal("this is not a proxy request")
    authority, _, path = where[7:].partition(b"/")
    host, port = _split(authority.decode(errors="replace"), 80)
    # One request per connection, to the host that was checked.
    kept = [field for field in rest.split(b"\r\n") if not field.lower().startswith((b"proxy-", b"connection:", b"host:"))]
    fields = b"\r\n".join([b"Host: " + authority, b"Connection: close", *kept])
    return host, port, b"%b /%b %b\r\n%b" % (method, path, version, fields)


def _split(authority: str, default: int) -> tuple[str, int]:
    if "@" in authority:
        raise Refusal("an address with a user name is not allowed")
    host, colon, port = authority.rpartition(":") if not authority.endswith("]") else (authority, "", "")
    if not colon:
        host, port = authority, str(default)
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise Refusal(f"{authority[:80]} has no valid port")
    return host.strip("[]"), int(port)


def _plain(name: str) -> str:
    return name.casefold().rstrip(".")


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


async def _pass_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
    """Forward the request body of the stated length. A chunked body is forwarded until the client ends it."""
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
