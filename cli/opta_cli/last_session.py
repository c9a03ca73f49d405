"""The session of a folder that was active last: what `--continue` and `opta review` mean when none is named."""

from pathlib import Path

from opta_core.errors import Refused

from .client import Client

SESSIONS_MAX = 1000


def last_session(client: Client, cwd: str) -> str:
    """The id of the session. Raises Refused when the folder has none."""
    folder = Path(cwd or ".").absolute()
    names = {str(folder), str(folder.resolve())}
    for session in client.get("/v3/sessions", limit=SESSIONS_MAX)["sessions"]:
        if session["cwd"] in names and not session.get("parentCall"):
            return str(session["id"])
    raise Refused(f"There is no session in {folder} yet. Start one: opta chat. All sessions: opta sessions list")
