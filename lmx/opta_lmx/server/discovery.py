"""Advertises this LMX on the local network by mDNS (`_opta-lmx._tcp.local`). It grants nothing: a client must pair first."""

import ipaddress
import socket
from typing import Any

from opta_core.logs import Log

SERVICE = "_opta-lmx._tcp.local."

log = Log("discovery")


class Advertisement:
    """Published from `begin` to `end`."""

    def __init__(self, port: int, address: str, fingerprint: str):
        self._port, self._address, self._fingerprint = port, address, fingerprint
        self._zeroconf: Any = None
        self._info: Any = None

    async def begin(self) -> None:
        """Publish it. When the network does not allow that, log the reason; LMX runs without."""
        from zeroconf import InterfaceChoice, IPVersion, NonUniqueNameException
        from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

        host = socket.gethostname().partition(".")[0] or "lmx"
        given = ipaddress.ip_address(self._address)
        try:
            # On every interface when LMX is bound to all addresses, else on the one that it is bound to.
            interfaces = InterfaceChoice.All if given.is_unspecified else [self._address]
            self._zeroconf = AsyncZeroconf(interfaces=interfaces, ip_version=IPVersion.V4Only)
            addresses = (local_addresses() if given.is_unspecified else []) or [self._address]
            self._info = AsyncServiceInfo(
                SERVICE,
                f"{host}-{self._port}.{SERVICE}",
                port=self._port,
                parsed_addresses=addresses,
                server=f"{host}.local.",
                properties={"sha256": self._fingerprint, "version": "1"},
            )
            await self._zeroconf.async_register_service(self._info)
            log.info("advertised on the network", port=self._port, addresses=",".join(addresses))
        except (OSError, NonUniqueNameException) as error:
            log.warning("cannot be advertised on the network", reason=error or type(error).__name__)

    async def end(self) -> None:
        """Withdraw it."""
        if self._zeroconf is not None:
            if self._info is not None:
                await self._zeroconf.async_unregister_service(self._info)
            await self._zeroconf.async_close()


def local_addresses() -> list[str]:
    """The IPv4 addresses that this machine's host name resolves to, without loopback."""
    try:
        found = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    except OSError:
        return []
    return sorted(str(address) for address in found if not str(address).startswith("127."))
