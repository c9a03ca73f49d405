"""Access to LMX: the Host header, the web pages that may call it, and keys with scopes.

Bound to loopback, LMX answers without a key. Bound to any other address, every request needs a key, except the `OPEN` paths.
The `/admin/` routes always need an admin key. A web page may call LMX only when `lmx.origins` lists its origin, and never the routes
that administer it or prove who it is; `cors` has the headers for it.
"""

import hashlib
from collections.abc import Collection

import msgspec

from opta_core.errors import Refused
from opta_http.asgi import Scope, header_values
from opta_http.head_checks import names_host
from opta_protocol.error_info import ErrorCode

from .cors import Origins
from .keys import Keys

ANONYMOUS = "anonymous"
# Served without a key on any interface: these routes reveal nothing, or authenticate the client themselves.
OPEN = {"/healthz", "/health", "/proof", "/pair"}


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The client, by a name that the fair queue and the metrics use; never the key itself."""

    name: str
    is_admin: bool = False


class AccessControl:
    """Checks requests of one server. `hosts`: names with port that it may be called by. `allows_anonymous`: it is bound to loopback.

    `open_paths`: further paths that reveal nothing.
    """

    def __init__(
        self, hosts: set[str], keys: Keys, *, allows_anonymous: bool, origins: Collection[str] = (), open_paths: Collection[str] = ()
    ):
        self._hosts = {host.lower().encode() for host in hosts}
        self._keys, self._allows_anonymous = keys, allows_anonymous
        self.origins = Origins(origins)
        self._open = OPEN | set(open_paths)

    def check_source(self, scope: Scope) -> None:
        """Check where a request comes from. Raises Refused: forbidden_host, forbidden_origin."""
        if not names_host(scope["headers"], self._hosts):
            raise Refused("LMX does not answer to this Host. Names it may be called by: lmx.hosts.", code=ErrorCode.forbidden_host)
        if header_values(scope["headers"], b"origin") and not self.origins.may_call(scope):
            raise Refused(
                "This web page may not call LMX. Its origin must be listed: opta config set lmx.origins ORIGIN.",
                code=ErrorCode.forbidden_origin,
            )

    def check(self, scope: Scope) -> Caller:
        """The client of a request. Raises Refused: forbidden_host, forbidden_origin, unauthorized, denied."""
        self.check_source(scope)
        given = _key_of(scope)
        name, scopes = self._keys.find(given) if given else ("", [])
        path: str = scope["path"]
        if path.startswith("/admin/") and "admin" not in scopes:
            if scopes:
                raise Refused(
                    f"The key {name!r} may ask for answers, but not change models. To allow it, pair again with `opta lmx pair --admin` on the machine of LMX.",
                    code=ErrorCode.denied,
                )
            raise Refused("This needs an admin key: Authorization: Bearer KEY.", code=ErrorCode.unauthorized)
        if name:
            return Caller(name=name, is_admin="admin" in scopes)
        if not self._allows_anonymous and path not in self._open:
            raise Refused("LMX needs a key here: Authorization: Bearer KEY. Make one: opta lmx keys add NAME", code=ErrorCode.unauthorized)
        # An unknown key gives no rights; its hash only distinguishes clients for fairness.
        return Caller(name=hashlib.sha256(given.encode()).hexdigest()[:8] if given else ANONYMOUS)


def _key_of(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, key = value.decode("latin-1").partition(" ")
            return key.strip() if scheme.lower() == "bearer" else value.decode("latin-1")
        if name == b"x-api-key":
            return value.decode("latin-1").strip()
    return ""
