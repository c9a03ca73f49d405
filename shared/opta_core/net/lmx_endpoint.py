"""The endpoint of LMX: its address, its certificate and the key for it. LMX runs on this machine or on a paired one.

The certificate of a paired machine is pinned in `lmx/hosts/` of the home. A plain `lmx.host` is used without TLS and without a
key, like any OpenAI-compatible server that needs none. Another program may have taken LMX's port on this machine, so LMX of
this home proves on every connection that it knows the home's key, before that key, a prompt or anything else is sent.
"""

import hashlib
import hmac
import ipaddress
import secrets
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from opta_protocol.error_info import ErrorCode

from ..errors import OptaError, Unavailable
from ..lmx_settings import LMX_DEFAULT_PORT
from ..paths import Paths
from ..process import state
from ..secrets.vault import Secret, Vault
from ..settings import Settings
from .http_client import HttpClient, HttpProblem, UnverifiedServer

# Name of the paired LMX's key in the vault.
ACCOUNT = "lmx"
PROOF_PATH = "/proof"
ANSWER_BYTES_MAX = 16 * 1024 * 1024
_CODES = {
    400: ErrorCode.invalid, 401: ErrorCode.provider_auth, 403: ErrorCode.provider_auth, 404: ErrorCode.model_not_found, 409: ErrorCode.conflict,
    429: ErrorCode.too_many_requests,
}  # fmt: skip


T = TypeVar("T")


class _Problem(msgspec.Struct):
    message: str = ""


class _Refusal(msgspec.Struct):
    error: _Problem = msgspec.field(default_factory=_Problem)


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """`root` is an address without a path; `certificate` is a PEM file, or '' without TLS.

    `key_file` holds this home's key; '' when the key comes from pairing and is in the vault.
    """

    root: str
    certificate: str = ""
    key_file: str = ""

    @property
    def url(self) -> str:
        """The base URL of the inference API, ending in `/v1`."""
        return f"{self.root}/v1"


def endpoint_of(settings: Settings, paths: Paths) -> Endpoint:
    """The endpoint of the configured host, else of LMX in this home."""
    lmx = settings.lmx
    if lmx.host:
        host = with_port(lmx.host)
        pinned = pin_file(paths, host)
        if pinned.exists():
            return Endpoint(root=f"https://{host}", certificate=str(pinned))
        return Endpoint(root=f"http://{host}")
    known = state.read(paths)
    port = known.lmxPort if known and known.lmxPort else lmx.port
    key = str(paths.lmx / "admin.key")
    if ipaddress.ip_address(lmx.bind).is_loopback:
        return Endpoint(root=f"http://127.0.0.1:{port}", key_file=key)
    return Endpoint(root=f"https://127.0.0.1:{port}", certificate=str(paths.lmx / "tls.pem"), key_file=key)


def key_of(endpoint: Endpoint, vault: Vault) -> Secret | None:
    """The key for an endpoint: this home's key, which includes loading and unloading models, or the one from pairing; None: no key."""
    if not endpoint.key_file:
        # Without TLS, another program on the way could read the key.
        return vault.fetch(ACCOUNT) if endpoint.certificate else None
    try:
        return Secret(Path(endpoint.key_file).read_text().strip())
    except OSError:
        return None


def client_of(endpoint: Endpoint, key: Secret | None, path: str = "") -> HttpClient:
    """An HTTP client for an endpoint. Raises ValueError when the address is not valid."""
    headers = {"Authorization": f"Bearer {key.reveal()}"} if key else None
    return HttpClient(f"{endpoint.root}{path}", headers, endpoint.certificate, challenge_of(endpoint))


class HomeKeyChallenge:
    """Challenge for LMX of this home: an HMAC with its key over a new nonce and the port, so that no other LMX can answer for it."""

    def __init__(self, key_file: Path):
        self._file = key_file

    def question(self, port: int) -> tuple[str, str]:
        """(path, expected body). Raises HttpProblem when LMX has not created its key yet."""
        nonce = secrets.token_hex(16)
        try:
            key = self._file.read_text().strip()
        except OSError:
            key = ""
        if not key:
            raise HttpProblem("it has not started in this home yet", is_connected=False)
        return f"{PROOF_PATH}?n={nonce}", f'{{"proof":"{prove(key, nonce, port)}"}}'

    def failure_message(self, host: str) -> str:
        """Which program answers, and how to fix it."""
        return (
            f"Another program answers at LMX's address {host}: it did not prove that it knows this home's key ({self._file}), and was sent "
            "nothing. End that program, or give LMX another port: opta config set lmx.port 0"
        )


def prove(key: str, nonce: str, port: int) -> str:
    """The proof that the program listening at `port` knows the key: HMAC-SHA256 in hex."""
    return hmac.new(key.encode(), f"opta lmx proof\0{nonce}\0{port}".encode(), hashlib.sha256).hexdigest()


def challenge_of(endpoint: Endpoint) -> HomeKeyChallenge | None:
    """The challenge for an endpoint; None when TLS proves the identity, or when no key is sent."""
    return HomeKeyChallenge(Path(endpoint.key_file)) if endpoint.key_file and not endpoint.certificate else None


async def ask(client: HttpClient, method: str, path: str, body: Any, kind: type[T], timeout_s: float) -> T:
    """Send one admin request to LMX and decode the response as `kind` (see `opta_protocol.lmx`). Raises OptaError with LMX's message."""
    try:
        status, content = await client.ask(method, path, None if body is None else msgspec.json.encode(body), timeout_s, ANSWER_BYTES_MAX)
        if status < 400:
            return msgspec.json.decode(content, type=kind)
        message = msgspec.json.decode(content, type=_Refusal).error.message
    except UnverifiedServer as problem:
        raise Unavailable(str(problem)) from problem
    except msgspec.ValidationError as problem:
        message = f"LMX's response to {path} cannot be decoded ({problem}). Update Opta and LMX to the same version."
        raise Unavailable(message) from problem
    except (HttpProblem, msgspec.DecodeError) as problem:
        raise Unavailable(f"LMX at {client.host} does not answer ({problem}). Start it: opta lmx serve, or opta up") from problem
    code = _CODES.get(status, ErrorCode.unavailable)
    raise OptaError(message or f"LMX answered with status {status}.", code=code, retryable=status in (429, 503))


def with_port(host: str) -> str:
    """A host with LMX's default port when it names no port."""
    return host if ":" in host.rpartition("]")[2] else f"{host}:{LMX_DEFAULT_PORT}"


def pin_file(paths: Paths, host: str) -> Path:
    """The file with the certificate of a paired machine."""
    name = "".join(character if character.isalnum() or character in ".-" else "_" for character in host)
    return paths.lmx / "hosts" / f"{name}.pem"
