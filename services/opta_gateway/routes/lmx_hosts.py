"""The machines whose LMX is used: list and check them, find those that offer it, pair with one, use one no longer."""

from opta_core.errors import Refused
from opta_core.model_servers.paired_hosts import forget_host, list_hosts, pair_host
from opta_core.net.lmx_pairing import find_hosts
from opta_protocol.http_settings import FoundLmxHost, FoundLmxHosts, LmxHosts, PairLmxHost, SettingChange

from ..endpoint import GatewayOf, TypedRouter, VaultOf, body, text

FIND_S = 3.0

routes = TypedRouter()


@routes.get("/v3/lmx/hosts")
async def list_lmx_hosts(gateway: GatewayOf, vault: VaultOf) -> LmxHosts:
    """Every machine whose LMX is used, asked just now."""
    current = gateway.now
    return LmxHosts(file=str(current.paths.config), hosts=await list_hosts(current, vault))


@routes.get("/v3/lmx/hosts/find")
async def find_lmx_hosts() -> FoundLmxHosts:
    """Machines of this network that offer LMX; takes three seconds."""
    try:
        found = await find_hosts(FIND_S)
    except OSError as error:
        raise Refused(f"This machine cannot ask its network for LMX ({error.strerror or error}). Name the host instead.") from error
    hosts = [FoundLmxHost(name=each.name, host=f"{each.address}:{each.port}", fingerprint=each.fingerprint) for each in found]
    return FoundLmxHosts(hosts=hosts)


@routes.post("/v3/lmx/hosts", status_code=201)
async def pair_lmx_host(gateway: GatewayOf, vault: VaultOf, wanted: PairLmxHost = body(PairLmxHost)) -> SettingChange:
    """Pair with a host by the code that it shows (`opta lmx pair`), and use it: as the main LMX, or as a provider."""
    async with gateway.changing:
        _, change = await pair_host(gateway.now, vault, wanted.host, wanted.code.strip(), wanted.provider)
    return change


@routes.delete("/v3/lmx/hosts")
async def forget_lmx_host(gateway: GatewayOf, vault: VaultOf, host: str = text("host", chars_max=300)) -> SettingChange:
    """Use a host (`?host=`) no longer; its certificate and its key are removed here. Its own list still has this machine's key."""
    if not host:
        raise Refused("Name the host: ?host=HOST.")
    return await gateway.change(forget_host, gateway.now, vault, host)
