"""An address on the web, read strictly: the host that a person is shown and a rule names is the host that is connected to.

Spellings that programs read in different ways (user names, backslashes, blanks, numbers for IP addresses) are refused, with the reason.
"""

import ipaddress
import re
from urllib.parse import quote

import msgspec

URL_CHARS_MAX = 4096
PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://)?([^/?#]*)([^#]*)")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2000-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ud800-\udfff]")
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\Z")
# A last part like these makes programs read the whole name as an IPv4 address.
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")
# Everything else in a path or query is percent-encoded.
_KEPT = "/?%:@!$&'()*+,;=~-._[]"


class WebAddress(msgspec.Struct, frozen=True):
    """`host` is in lower case, without brackets; `target` is the path with the query, as it is sent."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> str:
        """scheme://host:port, as rules and grants name it."""
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def authority(self) -> str:
        """The host, with the port when it is not the scheme's."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address as one text, without a fragment."""
        return f"{self.scheme}://{self.authority}{self.target}"


def read(url: str) -> WebAddress:
    """Read an http or https address. Raises ValueError, whose message says what is wrong and how to write it."""
    if len(url) > URL_CHARS_MAX:
        raise ValueError(f"the address has {len(url)} characters; at most {URL_CHARS_MAX} are fetched")
    if (found := _FORBIDDEN.search(url)) is not None:
        raise ValueError(f"the address holds the character U+{ord(found[0]):04X}; percent-encode it, or leave it out")
    parts = _URL.match(url)
    scheme = parts[1].lower() if parts else ""
    if parts is None or scheme not in PORTS or not url[len(scheme) :].startswith("://"):
        raise ValueError(f"only addresses that begin with http:// or https:// are fetched, not {url[:80]!r}")
    host, port = _host_and_port(parts[2], scheme)
    target = quote(parts[3], safe=_KEPT)
    return WebAddress(scheme, host, port, target if target.startswith("/") else f"/{target}")


def _host_and_port(authority: str, scheme: str) -> tuple[str, int]:
    if "@" in authority:
        raise ValueError("the address must not hold a user name or password; nothing is sent that a server would accept as a login")
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.]*)\](?::([0-9]*))?", authority)
    named = re.fullmatch(r"([^:\[\]]*)(?::([0-9]*))?", authority)
    found = bracketed or named
    if found is None:
        raise ValueError(f"{authority[:80]!r} is not a host with an optional port")
    port = int(found[2]) if found[2] and len(found[2]) < 6 else 0 if found[2] else PORTS[scheme]
    if not 0 < port < 65536:
        raise ValueError(f"the port of {authority[:80]!r} must be from 1 to 65535")
    host = found[1].lower()
    if bracketed is not None:
        _check_version_6(host)
    else:
        _check_name(host)
    return host, port


def _check_version_6(host: str) -> None:
    try:
        plain = str(ipaddress.IPv6Address(host))
    except ValueError:
        raise ValueError(f"[{host[:80]}] is not an IPv6 address") from None
    if plain != host:
        raise ValueError(f"write the IPv6 address in its short form, [{plain}]")


def _check_name(host: str) -> None:
    if not host.isascii():
        raise ValueError(f"the host name {host[:80]!r} holds characters beyond ASCII; write it in its registered form{_registered(host)}")
    if len(host) > 253 or not _NAME.match(host):
        raise ValueError(f"{host[:80]!r} is not a host name")
    if _NUMBER.match(host.rpartition(".")[2]):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise ValueError(f"write the IPv4 address {host[:80]!r} as four decimal numbers, such as 192.0.2.1") from None


def _registered(host: str) -> str:
    try:
        return f", {host.encode('idna').decode()}"
    except UnicodeError:
        return ", which begins with xn--"
