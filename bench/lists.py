"""Lists and searches in a home with many sessions."""

from figure import Figure, percentile
from gateway_client import GatewayClient
from support.daemon import Daemon

ASKED = 40


async def figures(daemon: Daemon, long_sid: str, last: int) -> list[Figure]:
    """A page of sessions, a search by title, and the end of a long session."""
    async with GatewayClient(daemon) as gateway:
        page = await _ask(gateway, "list 50 of 1,000 sessions", "/v3/sessions?limit=50", 10)
        found = await _ask(gateway, "search 1,000 sessions", f"/v3/sessions?q={long_sid[:4]}", 30)
        end = await _ask(gateway, "last 100 events of 2,000 turns", f"/v3/sessions/{long_sid}/events?afterSeq={last - 100}", 15)
    return [page, found, end]


async def _ask(gateway: GatewayClient, name: str, path: str, bar: float) -> Figure:
    _, _, answer = await gateway.ask("GET", path)
    assert answer.get("sessions") or answer.get("events"), f"{path}: {answer}"
    took: list[float] = []
    for _ in range(ASKED):
        left_at, back_at, _ = await gateway.ask("GET", path)
        took.append(1000 * (back_at - left_at))
    return Figure(
        name, percentile(took, 0.5), "ms", bar, note=f"p50 of {len(took)}; p95 {percentile(took, 0.95):.1f}, least {min(took):.1f} ms"
    )
