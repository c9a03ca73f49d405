"""The names on the bus: sockets and topics."""

STORE_IN = "store.in"
STORE_PUB = "store.pub"
STORE_QUERY = "store.q"
STORE_CMD = "store.cmd"
TOOLS_RPC = "tools.rpc"

SERVICES = ("gateway", "agent", "sessions", "tools", "desktop", "lmx")
DAEMON_SERVICES = ("gateway", "agent", "sessions", "tools")

# Pieces of text and output have a topic of their own: whoever folds them from elsewhere need not wake for each.
EVENT_PREFIX = b"e/"
DELTA_PREFIX = b"d/"
HEARTBEAT = b"hb"


def telemetry(service: str) -> str:
    """The socket on which `service` says how it is."""
    return f"t.{service}"


def event_topic(sid: str, *, is_delta: bool) -> bytes:
    """The topic of one session's lines; `is_delta`: nothing but deltas in the message."""
    return (DELTA_PREFIX if is_delta else EVENT_PREFIX) + sid.encode()
