"""Links to a session, `opta://session/ID`, as other programs hand them to Opta's window.

Any program and any web page can offer such a link, so it names a session and nothing else: no turn, no text, no folder. Opening one shows the
session; it sends nothing and answers nothing.
"""

from opta_protocol.ids import SESSION_ID

from .errors import Refused

SCHEME = "opta"
_START = f"{SCHEME}://session/"
SHOWN_CHARS_MAX = 80


def session_of(link: str) -> str:
    """The id of the session that a link names. Raises Refused for anything else."""
    sid = link.removeprefix(_START)
    if sid == link or not SESSION_ID.fullmatch(sid):
        shown = link if len(link) <= SHOWN_CHARS_MAX else f"{link[:SHOWN_CHARS_MAX]}…"
        raise Refused(
            f"{shown!r} is not a link to a session, so nothing was opened. A link is {_START}ID; `opta sessions list` shows the ids."
        )
    return sid


def link_of(sid: str) -> str:
    """The link to a session."""
    return _START + sid
