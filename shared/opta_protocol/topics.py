"""The names on the bus: sockets and topics."""

STORE_IN = "store.in"
STORE_PUB = "store.pub"
STORE_QUERY = "store.q"
STORE_CMD = "store.cmd"
TOOLS_RPC = "tools.rpc"

SERVICES = ("gateway", "agent", "sessions", "tools", "desktop", "lmx")
DAEMON_SERVICES = ("gateway", "agent", "sessions", "tools")

EVENT_PREFIX = b"e/"
HEARTBEAT = b"hb"


def telemetry(service: str) -> str:
    """The socket on which `service` says how it is."""
    return f"t.{service}"


def event_topic(sid: str) -> bytes:
    """The topic of one session's lines."""
    return EVENT_PREFIX + sid.encode()
