"""The secret that Opta's window shares with the desktop process, and the proofs that each of them makes with it.

It is in the keychain; where this machine has none it is in a file of the home (0600), as the daemon's token is. It never travels: the window
proves that it has it, for one port and one request, and gets a launch code; the answer proves that the server has it, too. So a program that
took the port of the page neither gets a code nor is shown as Opta.
"""

import hmac
import secrets

import msgspec

from .clock import wall_s
from .errors import OptaError
from .paths import Paths, write_whole
from .secrets.vault import Secret, Vault

ACCOUNT = "desktop-window"
PROOF_S = 30
NONCES_MAX = 64


class CodeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the window sends. `until`: seconds since 1970."""

    nonce: str
    until: int
    proof: str


class CodeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the desktop process answers."""

    code: str
    proof: str


def window_secret(paths: Paths, vault: Vault) -> Secret:
    """The secret; it is made when there is none. Raises OSError."""
    if known := known_secret(paths, vault):
        return known
    made = Secret(secrets.token_urlsafe(32))
    try:
        vault.store(ACCOUNT, made)
    except OptaError:
        # No keychain here: a file with the same protection as the token of the daemon.
        write_whole(paths.daemon / "window.secret", made.reveal().encode())
    return made


def known_secret(paths: Paths, vault: Vault) -> Secret | None:
    """The secret, from the keychain or from the file."""
    if any(account.name == ACCOUNT for account in vault.accounts()) and (kept := vault.fetch(ACCOUNT)):
        return kept
    try:
        value = (paths.daemon / "window.secret").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None
    return Secret(value) if value else None


def new_request(secret: Secret, port: int) -> CodeRequest:
    """A request for a launch code from the server at `port`, good once and for half a minute."""
    nonce, until = secrets.token_urlsafe(18), int(wall_s()) + PROOF_S
    return CodeRequest(nonce=nonce, until=until, proof=_proof(secret, f"ask {port} {nonce} {until}"))


def answer_to(request: CodeRequest, secret: Secret, code: str) -> CodeAnswer:
    """The answer to a request that was accepted."""
    return CodeAnswer(code=code, proof=_proof(secret, f"give {request.nonce} {code}"))


def is_answer(answer: CodeAnswer, request: CodeRequest, secret: Secret) -> bool:
    """Whether an answer comes from a process that has the secret."""
    return hmac.compare_digest(answer.proof.encode(), _proof(secret, f"give {request.nonce} {answer.code}").encode())


class CodeRequests:
    """The requests that the server at `port` has accepted, so that none is accepted twice."""

    def __init__(self, port: int):
        self._port = port
        # Nonce -> until when its request is good.
        self._taken: dict[str, int] = {}

    def accepts(self, request: CodeRequest, secret: Secret) -> bool:
        """Whether a request is new, not old, and made with the secret."""
        now = wall_s()
        self._taken = {nonce: until for nonce, until in self._taken.items() if until > now}
        wanted = _proof(secret, f"ask {self._port} {request.nonce} {request.until}")
        is_proven = hmac.compare_digest(request.proof.encode(errors="surrogatepass"), wanted.encode())
        if not is_proven or not now < request.until <= now + 2 * PROOF_S:
            return False
        if request.nonce in self._taken or len(self._taken) >= NONCES_MAX:
            return False
        self._taken[request.nonce] = request.until
        return True


def _proof(secret: Secret, text: str) -> str:
    return hmac.digest(secret.reveal().encode(), f"opta-window {text}".encode(errors="surrogatepass"), "sha256").hex()
