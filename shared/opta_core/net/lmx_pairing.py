"""The client side of pairing with LMX: with the code that the other machine shows, pin its certificate and store a key in the vault.

`opta_lmx.server.pairing` is the other side, and explains why a wrong code or a false certificate reveals nothing.
"""

import asyncio
import hashlib
import hmac
import socket
import ssl
from typing import Any

import msgspec

from opta_protocol.lmx import LmxNewKey, LmxPairingStep

from ..errors import Refused, Unavailable
from ..paths import Paths, write_whole
from ..secrets.vault import Secret, Vault
from .http_client import HttpClient
from .lmx_endpoint import ACCOUNT, ask, pin_file

SERVICE = "_opta-lmx._tcp.local."
CONNECT_S, ANSWER_S = 5.0, 15.0


class AdvertisedHost(msgspec.Struct, frozen=True, kw_only=True):
    """An LMX advertised by mDNS. The advertisement proves nothing; pairing does."""

    name: str
    address: str
    port: int
    fingerprint: str


async def join(paths: Paths, vault: Vault, host: str, code: str, account: str = ACCOUNT) -> str:
    """Pair with `host` (HOST:PORT); returns the name that this machine has there. `account`: the name of its key. Raises OptaError."""
    from spake2 import SPAKE2_A, SPAKEError

    if len(code) != 6 or not code.isdigit():
        raise Refused("The code must have six digits.")
    pem = await _certificate_of(host)
    fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    pin = pin_file(paths, host)
    pin.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    candidate = pin.with_suffix(".new")
    write_whole(candidate, pem.encode())
    client = HttpClient(f"https://{host}", certificate=str(candidate))
    try:
        exchange: Any = SPAKE2_A(code.encode(), idA=b"opta", idB=b"lmx")
        name = socket.gethostname() or "opta"
        first = await ask(client, "POST", "/pair", {"name": name, "message": exchange.start().hex()}, LmxPairingStep, ANSWER_S)
        try:
            secret: bytes = exchange.finish(bytes.fromhex(first.message))
        except (SPAKEError, ValueError, AssertionError):
            raise Refused(f"{host} did not answer with a valid pairing message.") from None
        if not hmac.compare_digest(first.proof, _prove(secret, "lmx", fingerprint)):
            raise Refused(
                "The code is not the one shown there, or the connection is intercepted. Nothing was stored. Show a new code and try again."
            )
        body = {"name": name, "attempt": first.attempt, "proof": _prove(secret, "opta", fingerprint)}
        last = await ask(client, "POST", "/pair", body, LmxNewKey, ANSWER_S)
        # The key first: a pinned certificate without a key would be useless.
        await asyncio.to_thread(vault.store, account, Secret(last.key))
        candidate.replace(pin)
        return last.name
    finally:
        client.close()
        candidate.unlink(missing_ok=True)


async def find_hosts(seconds: float, interfaces: list[str] | None = None) -> list[AdvertisedHost]:
    """Every LMX that is advertised on this network within `seconds`."""
    from zeroconf import InterfaceChoice, IPVersion, ServiceStateChange
    from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

    names: set[str] = set()

    def on_change(*, name: str, state_change: ServiceStateChange, **_: Any) -> None:
        if state_change is not ServiceStateChange.Removed:
            names.add(name)

    network = AsyncZeroconf(interfaces=interfaces or InterfaceChoice.Default, ip_version=IPVersion.V4Only)
    try:
        browser = AsyncServiceBrowser(network.zeroconf, SERVICE, handlers=[on_change])  # pyright: ignore[reportArgumentType]
        await asyncio.sleep(seconds)
        hosts: list[AdvertisedHost] = []
        for name in sorted(names):
            info = AsyncServiceInfo(SERVICE, name)
            if await info.async_request(network.zeroconf, 1000) and info.port:
                fingerprint = (info.properties.get(b"sha256") or b"").decode("ascii", "replace")
                hosts += [
                    AdvertisedHost(name=name.removesuffix("." + SERVICE), address=address, port=info.port, fingerprint=fingerprint)
                    for address in info.parsed_addresses()
                ]
        await browser.async_cancel()
        return hosts
    finally:
        await network.async_close()


async def _certificate_of(host: str) -> str:
    name, _, port = host.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # Not trusted yet: the proof in `join` covers it.
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(name.strip("[]"), int(port), ssl=context)
    except (OSError, TimeoutError, ValueError) as error:
        raise Unavailable(f"No LMX with TLS answers at {host} ({error or type(error).__name__}). On that machine: opta lmx pair") from None
    try:
        content: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()
    return ssl.DER_cert_to_PEM_cert(content)


def _prove(secret: bytes, who: str, fingerprint: str) -> str:
    return hmac.new(secret, f"{who} {fingerprint}".encode(), hashlib.sha256).hexdigest()
