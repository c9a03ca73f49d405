"""What every event carries."""

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event"):
    """A fact about a session. The store stamps `seq`, `ts`, `p`, `n` and `c`; `turn` is set inside of a turn."""

    seq: int = 0
    ts: str = ""
    sid: str = ""
    turn: str = ""
    p: str = ""
    n: int = 0
    c: str = ""
