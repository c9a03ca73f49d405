"""One-time codes that open the page: the CLI makes one, the desktop process takes it."""

import hmac
import secrets
import time
from pathlib import Path

import msgspec

from .paths import Paths, write_whole

CODES_MAX = 16
CODE_S = 600


def new_launch_code(paths: Paths) -> str:
    """A code that opens the page once, within ten minutes. Written where the desktop process looks."""
    code = secrets.token_urlsafe(18)
    file = paths.run / "launch.codes"
    codes = _read_codes(file)
    codes[code] = time.time() + CODE_S
    write_whole(file, msgspec.json.encode(dict(list(codes.items())[-CODES_MAX:])))
    return code


def take_launch_code(paths: Paths, code: str) -> bool:
    """Use a code up."""
    file = paths.run / "launch.codes"
    codes = _read_codes(file)
    found = next((known for known in codes if hmac.compare_digest(known.encode(), code.encode(errors="surrogatepass"))), None)
    if found is None:
        return False
    until = codes.pop(found)
    write_whole(file, msgspec.json.encode(codes))
    return until > time.time()


def _read_codes(file: Path) -> dict[str, float]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, float])
    except (OSError, msgspec.DecodeError):
        return {}
