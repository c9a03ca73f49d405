"""Who may ask LMX for what: the Host it is called by, no web page, and keys with scopes.

Bound to loopback it answers without a key; bound to any other address every request needs one, but for `/healthz` and pairing.
What changes models needs an admin key everywhere.
"""

import hashlib
from collections.abc import MutableMapping
from typing import Any

import msgspec

from opta_core.errors import Refused
from opta_protocol.errors import ErrorCode

from .keys import Keys

ANONYMOUS = "anonymous"
# Asked without a key wherever LMX is bound: they tell nothing, or prove themselves otherwise.
OPEN = {"/healthz", "/proof", "/pair"}


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, as fairness and figures tell callers apart; never the key itself."""

    name: str
    is_admin: bool = False


class Guard:
    """For one server. `allows_anonymous`: bound to loopback."""

    def __init__(self, hosts: set[str], keys: Keys, *, allows_anonymous: bool):
        self._hosts = {host.lower().encode() for host in hosts}
        self._keys, self._allows_anonymous = keys, allows_anonymous

    def check(self, scope: MutableMapping[str, Any]) -> Caller:
        """Who asks. Raises Refused: forbidden_host, forbidden_origin, unauthorized, forbidden."""
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            raise Refused("LMX does not answer to this Host. Names it may be called by: lmx.hosts.", code=ErrorCode.forbidden_host)
        if any(name == b"origin" for name, _ in scope["headers"]):
            raise Refused("Web pages may not call LMX.", code=ErrorCode.forbidden_origin)
        given = _key_of(scope)
        name, scopes = self._keys.find(given) if given else ("", [])
        path: str = scope["path"]
        if path.startswith("/admin/") and "admin" not in scopes:
            if scopes:
                raise Refused(f"The key {name!r} may ask for answers, but not change models.", code=ErrorCode.denied)
            raise Refused("This needs an admin key: Authorization: Bearer KEY.", code=ErrorCode.unauthorized)
        if name:
            return Caller(name=name, is_admin="admin" in scopes)
        if not self._allows_anonymous and path not in OPEN:
            raise Refused("LMX needs a key here: Authorization: Bearer KEY. Make one: opta lmx keys add NAME", code=ErrorCode.unauthorized)
        # Only to keep clients apart who want to be told apart.
        return Caller(name=hashlib.sha256(given.encode()).hexdigest()[:8] if given else ANONYMOUS)


def _key_of(scope: MutableMapping[str, Any]) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, key = value.decode("latin-1").partition(" ")
            return key.strip() if scheme.lower() == "bearer" else value.decode("latin-1")
        if name == b"x-api-key":
            return value.decode("latin-1").strip()
    return ""
