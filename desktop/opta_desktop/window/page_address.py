"""The address that opens the page signed in, from a server that proves that it belongs to this home."""

import http.client

import msgspec

from opta_core.errors import Unavailable
from opta_core.paths import Paths
from opta_core.process import state
from opta_core.secrets.vault import Vault
from opta_core.window_secret import CodeAnswer, is_answer, new_request, window_secret

ANSWER_S = 5.0
ANSWER_BYTES_MAX = 64 * 1024


class PageAddress(msgspec.Struct, frozen=True, kw_only=True):
    """`origin`: of the page. `code`: opens it once. The code is a secret until it is used, so it has no part in messages."""

    origin: str
    code: str

    def url(self, sid: str = "") -> str:
        """The address to load: the newest session, or the one that is named."""
        return f"{self.origin}/?launch={self.code}#/" + (f"s/{sid}" if sid else "")


def find(paths: Paths, vault: Vault) -> PageAddress:
    """Ask the desktop process for a code; blocking, seconds at most. Raises Unavailable."""
    known = state.read(paths)
    if known is None or not known.uiPort:
        raise Unavailable("The daemon has not started yet.")
    try:
        secret = window_secret(paths, vault)
    except OSError as error:
        raise Unavailable(f"The secret of the window cannot be written: {error}") from error
    request = new_request(secret, known.uiPort)
    status, content = _post(known.uiPort, "/bridge/window_code", msgspec.json.encode(request))
    if status != 200:
        raise Unavailable(
            f"The desktop process of this home refused to open the page (status {status}). Restart it: opta daemon restart desktop"
        )
    try:
        answer = msgspec.json.decode(content, type=CodeAnswer)
    except msgspec.DecodeError as error:
        raise Unavailable(_stranger(known.uiPort)) from error
    if not is_answer(answer, request, secret):
        raise Unavailable(_stranger(known.uiPort))
    return PageAddress(origin=f"http://127.0.0.1:{known.uiPort}", code=answer.code)


def _stranger(port: int) -> str:
    return f"Port {port} is held by another program than Opta's, so it is not shown. See: opta doctor"


def _post(port: int, path: str, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json", "Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read(ANSWER_BYTES_MAX)
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"The desktop process does not answer: {error or type(error).__name__}") from error
    finally:
        connection.close()
