"""One repository of a model hub: its files and their bytes, through the hub's own library."""

import contextlib
import errno
import fnmatch
import hashlib
import os
import re
from collections.abc import Generator, Iterator
from typing import Any

import msgspec

from opta_core.errors import Broken, OptaError, Refused, Unavailable

from .download_events import DownloadFound

# Files that the engine loads or a person should read; never code, never pickles. Of subfolders only the mark of an embedding model.
_NEEDED = "model*.safetensors *.json *.jinja tokenizer.model *.tiktoken *.txt README README.md LICENSE LICENSE.md".split()
_POOLING, ORIGIN = "1_Pooling/config.json", "opta.json"
_TIMEOUT_S = 30.0


class RepoFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a repository. `digest`: SHA-256 in hex of a file in Git LFS, git's own SHA-1 of any other."""

    name: str
    size: int
    digest: str

    def checksum(self) -> "hashlib._Hash":
        """A fresh hash object of the digest's kind."""
        return hashlib.sha256() if len(self.digest) == 64 else hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)


class Hub:
    """One repository of a hub. Methods raise OptaError, and what the library raises; `failure` explains both."""

    def __init__(self, endpoint: str, repo: str, token: str):
        self.repo, self.token = repo, token
        # The library reads these when it is first imported. It then sends only the given data, and only to the given endpoint.
        os.environ |= {f"HF_HUB_DISABLE_{what}": "1" for what in ("XET", "TELEMETRY", "IMPLICIT_TOKEN", "PROGRESS_BARS", "UPDATE_CHECK")}
        os.environ |= {"HF_HUB_OFFLINE": "0", "HF_DEBUG": "0", "HF_HUB_VERBOSITY": "error"}
        if endpoint:
            os.environ["HF_ENDPOINT"] = endpoint.rstrip("/")
        from huggingface_hub import constants

        # Default: the endpoint that the library knows.
        self.endpoint = endpoint.rstrip("/") or str(constants.ENDPOINT)

    def look(self, revision: str) -> tuple[DownloadFound, list[RepoFile]]:
        """The files of a revision ('': the newest), pinned to its commit."""
        from huggingface_hub import HfApi

        api = HfApi(endpoint=self.endpoint, token=self.token or False)
        info = api.model_info(self.repo, revision=revision or None, files_metadata=True, timeout=_TIMEOUT_S)
        if not re.fullmatch(r"[0-9a-f]{40}", commit := info.sha or ""):
            raise Broken(f"{self.endpoint} does not name the commit of {self.repo}, so the download cannot be pinned.")
        files = [
            RepoFile(name=file.rfilename, size=file.size or 0, digest=file.lfs.sha256 if file.lfs else file.blob_id or "")
            for file in info.siblings or []
            if _is_needed(file.rfilename)
        ]
        names = {file.name for file in files}
        if "config.json" not in names:
            raise Refused(f"{self.repo} is not a model that LMX loads: it has no config.json. Choose a repo of an MLX model.")
        if not any(name.endswith(".safetensors") for name in names):
            raise Refused(f"{self.repo} has no model*.safetensors; other weights can run code and are never fetched. Choose another repo.")
        # A digest also serves as a file name.
        if unknown := next((file.name for file in files if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", file.digest)), ""):
            raise Broken(f"{self.endpoint} does not say the checksum of {unknown} of {self.repo}, so it is not fetched.")
        card: dict[str, Any] = info.card_data.to_dict() if info.card_data else {}
        licence = card.get("license") or next((tag[8:] for tag in info.tags or [] if tag.startswith("license:")), "")
        link = line(card.get("license_link") or "")
        if not link.startswith(("https://", "http://")):
            link = f"{self.endpoint}/{self.repo}/blob/{commit}/LICENSE" if "LICENSE" in names else ""
        size = sum(file.size for file in files)
        return DownloadFound(repo=self.repo, revision=commit, bytes=size, files=len(files), licence=line(licence), license_url=link), files

    @contextlib.contextmanager
    def content(self, file: RepoFile, commit: str, start: int) -> Generator[tuple[int, Iterator[bytes]]]:
        """(first byte, chunks) of a file from byte `start` on, or from 0 when the hub cannot do that."""
        from huggingface_hub import get_session, hf_hub_url
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # pyright: ignore[reportUnknownVariableType]

        # A compressed transfer could not be continued.
        headers = {**build_hf_headers(token=self.token or False), "accept-encoding": "identity"}
        if start:
            headers["range"] = f"bytes={start}-"
        url = hf_hub_url(self.repo, file.name, revision=commit, endpoint=self.endpoint)
        with get_session().stream("GET", url, headers=headers, timeout=_TIMEOUT_S) as response:
            hf_raise_for_status(response)
            if (is_part := response.status_code == 206) and not response.headers.get("content-range", "").startswith(f"bytes {start}-"):
                raise Broken(f"{self.endpoint} sent another part of {file.name} than requested.")
            yield (start if is_part else 0), response.iter_bytes()

    def failure(self, error: Exception) -> OptaError:
        """The error as a sentence for a person, with what to do."""
        if isinstance(error, OptaError):
            return error
        if isinstance(error, ImportError):
            return Refused(f"Models cannot be fetched: {line(error)}. Install LMX whole: pip install 'opta[lmx]'")
        from httpx2 import TransportError
        from huggingface_hub import errors

        access = "The token given has no access to it." if self.token else "Pull it with a token of an account that has access."
        match error:
            case errors.HFValidationError():
                return Refused(f"{self.repo[:200]!r} is not the name of a repo. Name one as OWNER/MODEL.")
            case errors.GatedRepoError():
                return Refused(f"{self.repo} is gated: its owner decides who may fetch it, at {self.endpoint}/{self.repo}. {access}")
            case errors.RepositoryNotFoundError():
                return Refused(f"There is no model {self.repo} at {self.endpoint}, or it is private. Check the name. {access}")
            case errors.RevisionNotFoundError():
                return Refused(f"{self.repo} at {self.endpoint} has no such revision. Name a branch, a tag or a commit of it, or none.")
            case errors.HfHubHTTPError():
                status = error.response.status_code
                if again := is_transient(error):
                    access = "Pull again later; what has arrived is kept."
                elif status not in (401, 403):
                    access = "Check the address of the hub."
                return OptaError(f"{self.endpoint} answered {status} for {self.repo}. {access}", retryable=again)
            case TransportError():
                reason = line(error) or type(error).__name__
                return Unavailable(
                    f"{self.endpoint} is out of reach ({reason}). Check the network and pull again; what has arrived is kept."
                )
            case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT):
                return Refused(f"The disk got full while {self.repo} arrived. Make room and pull again; what has arrived is kept.")
            case _:
                return Broken(f"{self.repo} was not fetched from {self.endpoint}: {type(error).__name__}: {line(error)}")


def _is_needed(name: str) -> bool:
    is_plain = name.isprintable() and name[:1] != "." and not set(name) & set("/\\") and name != ORIGIN
    return name == _POOLING or (is_plain and any(fnmatch.fnmatchcase(name, pattern) for pattern in _NEEDED))


def is_transient(error: Exception) -> bool:
    """Whether the same request can succeed later."""
    response = getattr(error, "response", None)
    # Without a response, the connection failed.
    return response is None or response.status_code in (408, 429) or response.status_code >= 500


def line(text: object) -> str:
    """A text on one line of at most 300 characters."""
    return " ".join(str(text).split())[:300]
