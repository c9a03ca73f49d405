"""Which addresses the window shows, and which it hands to the system's browser: only the page itself is shown inside."""

from typing import Literal
from urllib.parse import urlsplit

Destination = Literal["page", "browser", "refused"]
ADDRESS_CHARS_MAX = 8_000
_BROWSER_SCHEMES = ("http", "https", "mailto")


def destination(address: str, origin: str, *, is_click: bool) -> Destination:
    """Where an address belongs. `origin`: the page's, as in `http://127.0.0.1:5173`. `is_click`: a person clicked a link to it.

    What a script does on its own leads nowhere but to the page.
    """
    if len(address) > ADDRESS_CHARS_MAX or not address.isprintable():
        return "refused"
    try:
        parts = urlsplit(address)
        user, _ = parts.username, parts.port
    except ValueError:
        return "refused"
    if f"{parts.scheme}://{parts.netloc}" == origin:
        return "page"
    if is_click and user is None and parts.scheme in _BROWSER_SCHEMES and (parts.netloc or parts.scheme == "mailto"):
        return "browser"
    return "refused"
