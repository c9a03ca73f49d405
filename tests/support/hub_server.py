"""A model hub on this machine: as much of its API as a download asks for, and the troubles a test wants.

`with HubServer(folder) as hub: hub.url` serves the files of a folder as the repo "tiny/model" at one commit. Weights are held as
Git LFS holds them: a request for one is redirected to another origin, as to the storage of a real hub.
"""

import hashlib
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from support.limits import limit_s

REPO, COMMIT = "tiny/model", "c0ffee" + "0" * 34
_PIECE_BYTES = 32 * 1024


@dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    token: str


@dataclass
class Served:
    """One answer: `size` bytes of a file from `start` on. It is recorded before it is sent, so that a client that has the bytes finds the record."""

    name: str
    start: int
    size: int = 0


class HubServer:
    """The knobs may be turned at any time; they hold for the requests that follow."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.card: dict[str, Any] = {"license": "apache-2.0"}
        self.served: list[Served] = []
        self.requests: list[Asked] = []
        # Seconds between two pieces of 32 KiB, and bytes of weights after which a connection breaks (0: never).
        self.pause_s, self.break_after = 0.0, 0
        # Answered for files, and for what there is: (status, the hub's own name for it).
        self.trouble: tuple[int, str] | None = None
        self.trouble_listing: tuple[int, str] | None = None
        # The trouble for files that begins when a connection has broken.
        self.trouble_then: tuple[int, str] | None = None
        self.can_continue = True
        # Sizes and content that the hub tells or sends in place of the true ones.
        self.announced_sizes: dict[str, int] = {}
        self.sent: dict[str, bytes] = {}
        # What a search finds, as the hub tells it, and the queries that came.
        self.models: list[dict[str, Any]] = []
        self.queries: list[dict[str, list[str]]] = []
        # Listed besides the files of the folder.
        self.siblings: list[dict[str, Any]] = []
        self._stopping = threading.Event()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "HubServer":
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(limit_s(5))

    def wait(self) -> None:
        """Between two pieces."""
        if self.pause_s:
            self._stopping.wait(self.pause_s)

    def listing(self) -> dict[str, Any]:
        """The repo with its files, as `?blobs=true` tells it."""
        siblings = [*map(self._sibling, self.names()), *self.siblings]
        return {"id": REPO, "modelId": REPO, "sha": COMMIT, "tags": [], "cardData": self.card, "siblings": siblings}

    def names(self) -> list[str]:
        """Every file of the repo."""
        return sorted(file.relative_to(self.folder).as_posix() for file in self.folder.rglob("*") if file.is_file())

    def _sibling(self, name: str) -> dict[str, Any]:
        content = (self.folder / name).read_bytes()
        size = self.announced_sizes.get(name, len(content))
        if not is_lfs(name):
            return {"rfilename": name, "size": size, "blobId": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()}
        lfs = {"sha256": hashlib.sha256(content).hexdigest(), "size": size, "pointerSize": 134}
        return {"rfilename": name, "size": size, "blobId": hashlib.sha1(name.encode()).hexdigest(), "lfs": lfs}


def is_lfs(name: str) -> bool:
    """Whether a hub would hold it as LFS."""
    return name.endswith((".safetensors", ".bin"))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, hub: HubServer):
        self.hub = hub
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The other side went away in the middle: what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> HubServer:
        assert isinstance(self.server, _Server)
        return self.server.hub

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: `requests` has it."""

    def do_HEAD(self) -> None:
        self._route()

    def do_GET(self) -> None:
        self._route()

    def _route(self) -> None:
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        hub.requests.append(Asked(path, self.headers.get("authorization", "")))
        api, resolve = f"/api/models/{REPO}", f"/{REPO}/resolve/{COMMIT}/"
        if path.startswith("/storage/"):
            self._file(path.removeprefix("/storage/"))
        elif trouble := hub.trouble_listing if path.startswith("/api/") else hub.trouble:
            self._refuse(*trouble)
        elif path == "/api/models":
            hub.queries.append(parse_qs(urlsplit(self.path).query))
            self._json(hub.models)
        elif path in (api, f"{api}/revision/main", f"{api}/revision/{COMMIT}"):
            self._json(hub.listing())
        elif path.startswith(f"{api}/revision/"):
            self._refuse(404, "RevisionNotFound")
        elif not path.startswith(resolve):
            self._refuse(404, "RepoNotFound")
        elif (name := path.removeprefix(resolve)) in hub.names():
            self._resolve(name)
        else:
            self._refuse(404, "EntryNotFound")

    def _refuse(self, status: int, code: str) -> None:
        self._head(status, {"X-Error-Code": code, "X-Error-Message": "refused", "Content-Length": "0"})

    def _json(self, content: Any) -> None:
        body = json.dumps(content).encode()
        self._head(200, {"Content-Type": "application/json", "Content-Length": str(len(body))})
        if self.command == "GET":
            self.wfile.write(body)

    def _resolve(self, name: str) -> None:
        if not is_lfs(name):
            self._file(name)
            return
        content = (self.hub.folder / name).read_bytes()
        self._head(
            302,
            {
                "Location": f"{self.hub.url.replace('127.0.0.1', 'localhost')}/storage/{name}",
                "X-Repo-Commit": COMMIT,
                "X-Linked-Size": str(len(content)),
                "X-Linked-ETag": f'"{hashlib.sha256(content).hexdigest()}"',
                "Content-Length": "0",
            },
        )

    def _file(self, name: str) -> None:
        hub = self.hub
        content = hub.sent.get(name, (hub.folder / name).read_bytes())
        wanted = self.headers.get("range", "") if hub.can_continue else ""
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha1(content).hexdigest()}"', "Content-Length": str(len(content) - start)}
        self._head(
            206 if wanted else 200, headers | ({"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if wanted else {})
        )
        if self.command == "GET":
            self._send(name, content, start)

    def _send(self, name: str, content: bytes, start: int) -> None:
        hub, served = self.hub, Served(name, start)
        hub.served.append(served)
        end = min(len(content), start + hub.break_after) if hub.break_after and is_lfs(name) else len(content)
        for at in range(start, end, _PIECE_BYTES):
            piece = content[at : min(end, at + _PIECE_BYTES)]
            served.size += len(piece)
            self.wfile.write(piece)
            hub.wait()
        if end < len(content):
            self.close_connection = True
            hub.trouble = hub.trouble or hub.trouble_then

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
