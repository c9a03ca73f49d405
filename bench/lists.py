"""Looking things up in a home with a past."""

from door import Door
from figure import Figure, percentile
from support.daemon import Daemon

ASKED = 40


async def figures(daemon: Daemon, long_sid: str, last: int) -> list[Figure]:
    """A page of sessions, a search in their titles, and the end of a long session."""
    async with Door(daemon) as door:
        page = await _ask(door, "list 50 of 1,000 sessions", "/v3/sessions?limit=50", 10)
        found = await _ask(door, "search 1,000 sessions", f"/v3/sessions?q={long_sid[:4]}", 30)
        end = await _ask(door, "last 100 events of 2,000 turns", f"/v3/sessions/{long_sid}/events?afterSeq={last - 100}", 15)
    return [page, found, end]


async def _ask(door: Door, name: str, path: str, bar: float) -> Figure:
    _, _, answer = await door.ask("GET", path)
    assert answer.get("sessions") or answer.get("events"), f"{path}: {answer}"
    took: list[float] = []
    for _ in range(ASKED):
        left_at, back_at, _ = await door.ask("GET", path)
        took.append(1000 * (back_at - left_at))
    return Figure(
        name, percentile(took, 0.5), "ms", bar, note=f"p50 of {len(took)}; p95 {percentile(took, 0.95):.1f}, least {min(took):.1f} ms"
    )
