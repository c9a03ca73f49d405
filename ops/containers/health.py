"""The health check of a container: `health.py daemon|lmx|desktop`. Exits with 0 when its service is ready, else with 1 and the reason.

It uses the standard library alone, so that it runs with any release of Opta in the image.
"""

import http.client
import json
import os
import ssl
import sys
from pathlib import Path

ANSWER_S = 6.0
# X509_V_FLAG_NO_CHECK_TIME: the certificate is this machine's, whatever its clock says today.
NO_CHECK_TIME = 0x200000
REASON_CHARS_MAX = 300


def problem(service: str, home: Path) -> str:
    """Why the service is not ready; '' when it is. Raises OSError and ValueError when it does not answer."""
    state = json.loads((home / "daemon/state.json").read_text())
    if service == "daemon":
        return _refusal(http.client.HTTPConnection("127.0.0.1", state["port"], timeout=ANSWER_S), "/readyz", {})
    if service == "desktop":
        return _refusal(http.client.HTTPConnection("127.0.0.1", state["uiPort"], timeout=ANSWER_S), "/", {})
    pinned = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    pinned.check_hostname = False
    pinned.verify_flags = ssl.VerifyFlags(pinned.verify_flags | NO_CHECK_TIME)
    pinned.load_verify_locations(home / "lmx/tls.pem")
    key = (home / "lmx/admin.key").read_text().strip()
    connection = http.client.HTTPSConnection("127.0.0.1", state["lmxPort"], timeout=ANSWER_S, context=pinned)
    return _refusal(connection, "/readyz", {"Authorization": f"Bearer {key}"})


def _refusal(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> str:
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    content = answer.read(4096).decode(errors="replace")
    return "" if answer.status == 200 else f"{path} answers {answer.status}: {content}"[:REASON_CHARS_MAX]


def main() -> int:
    """Check the service that the command line names."""
    if sys.argv[1:] not in (["daemon"], ["lmx"], ["desktop"]):
        print("usage: health.py daemon|lmx|desktop", file=sys.stderr)
        return 2
    try:
        reason = problem(sys.argv[1], Path(os.environ.get("OPTA_HOME") or "/var/lib/opta"))
    except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
        reason = f"{sys.argv[1]} does not answer ({type(error).__name__}: {error})"
    print(reason or "ready")
    return 1 if reason else 0


if __name__ == "__main__":
    sys.exit(main())
