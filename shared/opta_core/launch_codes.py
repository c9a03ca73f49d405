"""One-time codes that open the page: the CLI makes one, the desktop process takes it."""

import hmac
import secrets

import msgspec

from .clock import wall_s
from .paths import Paths
from .records import RecordFile

CODES_MAX = 16
CODE_S = 600


def new_launch_code(paths: Paths) -> str:
    """A code that opens the page once, within ten minutes. Written where the desktop process looks."""
    code = secrets.token_urlsafe(18)
    records = _records(paths)
    codes = {**records.read(), code: wall_s() + CODE_S}
    records.write(dict(list(codes.items())[-CODES_MAX:]))
    return code


def take_launch_code(paths: Paths, code: str) -> bool:
    """Use a code up."""
    records = _records(paths)
    codes = records.read()
    found = next((known for known in codes if hmac.compare_digest(known.encode(), code.encode(errors="surrogatepass"))), None)
    if found is None:
        return False
    records.write({known: until for known, until in codes.items() if known != found})
    return codes[found] > wall_s()


def _records(paths: Paths) -> RecordFile[dict[str, float]]:
    """Code -> until when it holds, in seconds since 1970."""
    return RecordFile(paths.run / "launch.codes", _DECODER, dict[str, float])


_DECODER = msgspec.json.Decoder(dict[str, float])
