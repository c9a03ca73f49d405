"""One-time codes that open the page: the CLI creates a code, the desktop process redeems it."""

import hmac
import secrets

import msgspec

from .clock import wall_s
from .paths import Paths
from .records import RecordFile

CODES_MAX = 16
CODE_S = 600


def new_launch_code(paths: Paths) -> str:
    """Create a code that opens the page once within ten minutes, and store it for the desktop process."""
    code = secrets.token_urlsafe(18)
    until = wall_s() + CODE_S
    _records(paths).update(lambda codes: dict(list({**codes, code: until}.items())[-CODES_MAX:]))
    return code


def take_launch_code(paths: Paths, code: str) -> bool:
    """Redeem a code. Returns False when it is unknown, used or expired."""
    taken: list[float] = []

    def without(codes: dict[str, float]) -> dict[str, float]:
        given = code.encode(errors="surrogatepass")
        taken.extend(until for known, until in codes.items() if hmac.compare_digest(known.encode(), given))
        return {known: until for known, until in codes.items() if not hmac.compare_digest(known.encode(), given)}

    _records(paths).update(without)
    return any(until > wall_s() for until in taken)


def _records(paths: Paths) -> RecordFile[dict[str, float]]:
    """Code -> expiry, in seconds since 1970."""
    return RecordFile(paths.run / "launch.codes", _DECODER, dict[str, float])


_DECODER = msgspec.json.Decoder(dict[str, float])
