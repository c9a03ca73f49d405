"""The daemon's HTTP client: finds the daemon, verifies it, sends requests, streams events, and reconnects after restarts.

It uses only the standard library, so that commands start fast.
"""

import hmac
import os
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import msgspec

from opta_core.errors import OptaError, Unavailable, from_info
from opta_core.paths import Paths
from opta_core.process import state
from opta_protocol.error_info import ErrorBody, ErrorCode

from .loopback_http import NoAnswer, exchange

CONNECT_S, ANSWER_S = 3.0, 40.0
# The server sends a ping every five seconds; without one for this long, the connection is dead.
SILENCE_S = 12.0
RECONNECT_S = 30.0


class Lost(Unavailable):
    """The connection broke. Retrying can help."""


class Client:
    """Client of one home's daemon. Reads port and token again whenever a connection or the token fails. `answer_s`: how long it waits."""

    def __init__(self, paths: Paths, *, answer_s: float = ANSWER_S, reconnect_s: float = RECONNECT_S):
        """`answer_s`: how long an answer may take; `reconnect_s`: for how long a lost connection is made again."""
        self.paths = self._paths = paths
        self._answer_s, self._reconnect_s = answer_s, reconnect_s
        self._address: tuple[str, int] | None = None
        self._token = ""

    @classmethod
    def of_home(cls, home: str = "") -> "Client":
        """A client of a home's daemon; '': the home of this environment (`OPTA_HOME`, else the usual one)."""
        from opta_core.home import home_from_environment

        return cls(Paths(home_from_environment({"OPTA_HOME": home} if home else os.environ)))

    def another(self) -> "Client":
        """A new client of the same daemon, for another thread."""
        return Client(self._paths)

    def get(self, path: str, **query: Any) -> Any:
        """Send GET and decode the JSON response. Raises OptaError."""
        return self.ask("GET", path + (f"?{urlencode(query)}" if query else ""))

    def post(self, path: str, body: dict[str, Any] | None = None, key: str = "") -> Any:
        """Send POST with a JSON body. With an idempotency key, it is resent after a lost connection. Raises OptaError."""
        return self.ask("POST", path, body or {}, key=key, retry=bool(key))

    def upload(self, name: str, content: bytes) -> str:
        """Store a file for a turn; its id. Raises OptaError."""
        # The same file twice is one, so it may be sent again.
        return str(self.ask("POST", f"/v3/attachments?{urlencode({'name': name})}", content, retry=True)["id"])

    def ask(self, method: str, path: str, body: Any = None, *, key: str = "", retry: bool | None = None) -> Any:
        """Send any request and decode the JSON response. Requests that only read are resent after a lost connection. Raises OptaError."""
        return msgspec.json.decode(self.raw(method, path, body, key=key, retry=retry) or b"null")

    def raw(self, method: str, path: str, body: Any = None, *, key: str = "", retry: bool | None = None) -> bytes:
        """Like `ask`, but returns the response's bytes."""
        may_retry = method == "GET" if retry is None else retry
        deadline = time.monotonic() + self._reconnect_s
        while True:
            try:
                status, content = self._exchange(method, path, body, key)
            except Lost as error:
                self._address = None
                if not may_retry or time.monotonic() > deadline:
                    raise Unavailable("The daemon does not answer. Start it: opta up") from error
                time.sleep(0.1)
                continue
            if status == 401 and self._token_changed():
                continue
            if status < 400:
                return content
            error = _error_of(status, content)
            if status == 503 and error.retryable and may_retry and time.monotonic() < deadline:
                time.sleep(min(error.retry_after_s or 0.3, 0.5))
                continue
            raise error

    def events(
        self, sid: str, after: int, *, on_lost: Callable[[], None] | None = None, is_over: Callable[[], bool] | None = None
    ) -> Iterator[bytes]:
        """Stored lines after seq `after`, without end and across restarts of the daemon: each line once, in order.

        `is_over` is looked at with every line and every ping; `on_lost` is called before each attempt to connect again.
        """
        backoff_s = 0.05
        lost_at = 0.0
        while True:
            try:
                for line in self._stream(sid, after):
                    # The daemon answers, which ends an absence even when nothing happens in the session.
                    backoff_s, lost_at = 0.05, 0.0
                    if is_over is not None and is_over():
                        return
                    seq = _seq_of(line)
                    if seq is None or seq <= after:
                        continue
                    if seq != after + 1:
                        raise Lost(f"a gap between {after} and {seq}")
                    after = seq
                    yield line
            except (Lost, OSError) as error:
                lost_at = lost_at or time.monotonic()
                if time.monotonic() - lost_at > RECONNECT_S:
                    raise Unavailable("The daemon did not restart. The session so far is kept: opta sessions show") from error
            if is_over is not None and is_over():
                return
            if on_lost is not None:
                on_lost()
            self._address = None
            time.sleep(backoff_s)
            backoff_s = min(1.0, backoff_s * 2)

    def is_ready(self) -> tuple[bool, dict[str, Any]]:
        """(whether the daemon is ready, the body of /readyz)."""
        return self.readiness(self._answer_s)

    def readiness(self, wait_s: float) -> tuple[bool, dict[str, Any]]:
        """(whether the daemon is ready, the body of /readyz), known after about `wait_s` seconds."""
        whole, self._answer_s = self._answer_s, wait_s
        try:
            self._discover(prove=True)
            status, content = self._request("GET", "/readyz", None, {})
            return status == 200, msgspec.json.decode(content)
        except (Lost, OptaError, msgspec.DecodeError):
            self._address = None
            return False, {}
        finally:
            self._answer_s = whole

    # one request ------------------------------------------------------------------------------------

    def _exchange(self, method: str, path: str, body: Any, key: str) -> tuple[int, bytes]:
        self._discover(prove=True)
        headers = {"Authorization": f"Bearer {self._token}"}
        if key:
            headers["Idempotency-Key"] = key
        return self._request(method, path, body, headers)

    def _request(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, bytes]:
        assert self._address is not None
        try:
            return exchange(self._address, method, path, body, headers, self._answer_s)
        except NoAnswer as error:
            raise Lost(str(error)) from error

    def _stream(self, sid: str, after: int) -> Iterator[bytes]:
        """The lines of one connection, b"" first, when it is there."""
        import http.client

        self._discover(prove=True)
        assert self._address is not None
        connection = http.client.HTTPConnection(*self._address, timeout=SILENCE_S)
        try:
            headers = {"Authorization": f"Bearer {self._token}", "Accept": "text/event-stream"}
            connection.request("GET", f"/v3/sessions/{sid}/stream?afterSeq={after}", headers=headers)
            answer = connection.getresponse()
            if answer.status != 200:
                content = answer.read()
                if answer.status == 401 or answer.status >= 500:
                    raise Lost(f"status {answer.status}")
                raise _error_of(answer.status, content)
            yield b""
            while line := answer.readline():
                if line.startswith(b"data: "):
                    yield line[6:].rstrip(b"\n")
            raise Lost("the stream ended")
        except http.client.HTTPException as error:
            raise Lost(str(error)) from error
        finally:
            connection.close()

    def _discover(self, *, prove: bool) -> None:
        """Read port and token. The server proves that it knows the token before anything else is sent."""
        if self._address is not None:
            return
        known = state.read(self._paths)
        if known is None or not known.port:
            raise Lost("no daemon was started in this home")
        self._address = (known.host, known.port)
        try:
            self._token = self._paths.token.read_text()
        except OSError as error:
            self._address = None
            raise Lost("the token file is missing") from error
        if not prove:
            return
        nonce = os.urandom(16).hex()
        try:
            status, content = self._request("GET", f"/v3/hello?n={nonce}", None, {})
            proof = msgspec.json.decode(content).get("proof", "") if status == 200 else ""
        except (Lost, msgspec.DecodeError, AttributeError) as error:
            self._address = None
            raise Lost("no daemon at the recorded port") from error
        expected = hmac.digest(self._token.encode(), nonce.encode(), "sha256").hex()
        if not hmac.compare_digest(expected, str(proof)):
            self._address = None
            raise Lost("another program answers at the daemon's port")

    def _token_changed(self) -> bool:
        old, self._address = self._token, None
        try:
            return self._paths.token.read_text() != old
        except OSError:
            return False


def _error_of(status: int, content: bytes) -> OptaError:
    try:
        return from_info(msgspec.json.decode(content, type=ErrorBody).error)
    except msgspec.DecodeError:
        return OptaError(f"The daemon responded with status {status}.", code=ErrorCode.broken)


def _seq_of(line: bytes) -> int | None:
    if not line.startswith(b'{"seq":'):
        return None
    return int(line[7 : line.index(b",", 7)])


def new_key() -> str:
    """An idempotency key."""
    return f"{os.getpid()}-{os.urandom(12).hex()}"
