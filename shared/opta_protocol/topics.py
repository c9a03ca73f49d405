"""Names on the bus: sockets and topics."""

STORE_IN = "store.in"
STORE_PUB = "store.pub"
STORE_QUERY = "store.q"
STORE_CMD = "store.cmd"
TOOLS_RPC = "tools.rpc"
AGENT_RPC = "agent.rpc"

SERVICES = ("gateway", "agent", "sessions", "tools", "desktop", "lmx")
DAEMON_SERVICES = ("gateway", "agent", "sessions", "tools")

# Deltas have a separate topic, so that a subscriber that does not need them is not woken for each.
EVENT_PREFIX = b"e/"
DELTA_PREFIX = b"d/"
HEARTBEAT = b"hb"


def telemetry(service: str) -> str:
    """The telemetry socket of `service`."""
    return f"t.{service}"


def event_topic(sid: str, *, is_delta: bool) -> bytes:
    """The topic of one session's lines. `is_delta`: the message contains only deltas."""
    return (DELTA_PREFIX if is_delta else EVENT_PREFIX) + sid.encode()
