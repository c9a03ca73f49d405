"""Names of tools as model APIs take them: 1 to 64 letters, digits, `_` and `-`. Servers use any text.

Invariants: no two tools of a server get the same name, a name that fits is kept, and the mapping does not depend on the order of the list.
"""

import hashlib
import re
import unicodedata
from collections import Counter

NAME_CHARS_MAX = 64
_FITS = re.compile(r"[A-Za-z0-9_-]+\Z")
_OTHER = re.compile(r"[^A-Za-z0-9_-]+")
_HASH_CHARS, _HASH_CHARS_MAX = 6, 16


def mapped(names: list[str], prefix: str) -> dict[str, str]:
    """Name at the server -> `prefix` and a name for models. Equal names are given once."""
    found = {name: f"{prefix}{name}" for name in names if _FITS.match(name) and len(prefix) + len(name) <= NAME_CHARS_MAX}
    wanted = {name: _plain(name) for name in dict.fromkeys(names) if name not in found}
    wishes = Counter([*found.values(), *(f"{prefix}{plain}" for plain in wanted.values())])
    for name, plain in wanted.items():
        full = f"{prefix}{plain}"
        if not plain or wishes[full] > 1 or len(full) > NAME_CHARS_MAX:
            full = _hashed(name, prefix, plain, set(found.values()))
        found[name] = full
    return found


def _plain(name: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return _OTHER.sub("_", ascii_only).strip("_")


def _hashed(name: str, prefix: str, plain: str, taken: set[str]) -> str:
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    length = _HASH_CHARS
    while True:
        full = f"{prefix}{plain[: NAME_CHARS_MAX - len(prefix) - length - 1].rstrip('_') or 'tool'}_{digest[:length]}"
        # Another tool may have been given this name on purpose.
        if full not in taken or length == _HASH_CHARS_MAX:
            return full
        length += 1
