"""Launch codes for Opta's window: for a request that proves the window's secret, with an answer that proves it in turn."""

import threading
from typing import Any

import msgspec

from opta_core.errors import Refused
from opta_core.launch_codes import new_launch_code
from opta_core.paths import Paths
from opta_core.secrets.vault import Vault
from opta_core.window_secret import CodeRequest, CodeRequests, answer_to, known_secret
from opta_http import json_body
from opta_protocol.error_info import ErrorCode


class WindowCodes:
    """The requests of this home's window."""

    def __init__(self, paths: Paths, vault: Vault, port: int):
        self._paths, self._vault = paths, vault
        self._requests = CodeRequests(port)
        self._lock = threading.Lock()

    def give(self, content: bytes) -> dict[str, Any]:
        """The answer to the body of a request; blocking. Raises Refused."""
        try:
            request = json_body.read(content, CodeRequest)
        except Refused as error:
            raise Refused(f"Send nonce, until and proof: {error.message}"[:300], code=ErrorCode.bad_request) from error
        with self._lock:
            secret = known_secret(self._paths, self._vault)
            if secret is None or not self._requests.accepts(request, secret):
                raise Refused("This request does not prove that it comes from the window of this home.", code=ErrorCode.unauthorized)
            return msgspec.to_builtins(answer_to(request, secret, new_launch_code(self._paths)))
