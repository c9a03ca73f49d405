"""One repo of a model hub: what it holds and where its bytes are, through the hub's own library; and what is said of a download."""

import contextlib
import errno
import fnmatch
import hashlib
import os
import re
import sys
from collections.abc import Generator, Iterator
from typing import Any

import msgspec

from opta_core.errors import Broken, OptaError, Refused, Unavailable

# What the engine loads and a person should read; never code, never pickles. Of subfolders only what marks a model that makes vectors.
_NEEDED = "model*.safetensors *.json *.jinja tokenizer.model *.tiktoken *.txt README README.md LICENSE LICENSE.md".split()
_POOLING, ORIGIN = "1_Pooling/config.json", "opta.json"
_TIMEOUT_S = 30.0


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event"):
    """What every line is tagged with."""


class Found(Event, frozen=True, kw_only=True, omit_defaults=True, tag="found"):
    """What would be fetched: `bytes` in `files` files of the commit `revision`. `licence` is '' where the hub does not say one."""

    repo: str
    revision: str
    bytes: int
    files: int
    licence: str
    license_url: str = ""


class Progress(Event, frozen=True, kw_only=True, tag="progress"):
    """Bytes on disk and read for their checksum; falls back when something has to be fetched anew."""

    done: int
    total: int


class Done(Event, frozen=True, kw_only=True, tag="done"):
    """FOLDER is there."""

    revision: str
    bytes: int


class Failed(Event, frozen=True, kw_only=True, tag="failed"):
    """FOLDER is not there. `retryable`: the same again can work without anybody doing something."""

    message: str
    retryable: bool


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a repo. Its digest is the sha256 of what Git LFS holds, and git's own sha1 of everything else."""

    name: str
    size: int
    digest: str

    def checksum(self) -> "hashlib._Hash":
        """Of no content yet."""
        return hashlib.sha256() if len(self.digest) == 64 else hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)


class Hub:
    """One repo of a hub, through the library. Methods raise what the library raises besides OptaError."""

    def __init__(self, endpoint: str, repo: str, token: str):
        self.repo, self.token = repo, token
        # The library reads these when it is imported first. Nothing is sent that was not given here, and to nobody else.
        os.environ |= {f"HF_HUB_DISABLE_{what}": "1" for what in ("XET", "TELEMETRY", "IMPLICIT_TOKEN", "PROGRESS_BARS", "UPDATE_CHECK")}
        os.environ |= {"HF_HUB_OFFLINE": "0", "HF_DEBUG": "0", "HF_HUB_VERBOSITY": "error"}
        if endpoint:
            os.environ["HF_ENDPOINT"] = endpoint.rstrip("/")
        from huggingface_hub import constants

        # Where none is given, the one that the library knows.
        self.endpoint = endpoint.rstrip("/") or str(constants.ENDPOINT)

    def look(self, revision: str) -> tuple[Found, list[File]]:
        """What a revision holds ('': the newest), and the commit that every later request names."""
        from huggingface_hub import HfApi

        api = HfApi(endpoint=self.endpoint, token=self.token or False)
        info = api.model_info(self.repo, revision=revision or None, files_metadata=True, timeout=_TIMEOUT_S)
        if not re.fullmatch(r"[0-9a-f]{40}", commit := info.sha or ""):
            raise Broken(f"{self.endpoint} does not say which commit of {self.repo} it serves, so nothing of it can be pinned.")
        files = [
            File(name=file.rfilename, size=file.size or 0, digest=file.lfs.sha256 if file.lfs else file.blob_id or "")
            for file in info.siblings or []
            if _is_needed(file.rfilename)
        ]
        names = {file.name for file in files}
        if "config.json" not in names:
            raise Refused(f"{self.repo} is not a model that LMX loads: it has no config.json. Choose a repo of an MLX model.")
        if not any(name.endswith(".safetensors") for name in names):
            raise Refused(f"{self.repo} has no model*.safetensors; other weights can run code and are never fetched. Choose another repo.")
        # A digest is also a file name below.
        if unknown := next((file.name for file in files if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", file.digest)), ""):
            raise Broken(f"{self.endpoint} does not say the checksum of {unknown} of {self.repo}, so it is not fetched.")
        card: dict[str, Any] = info.card_data.to_dict() if info.card_data else {}
        licence = card.get("license") or next((tag[8:] for tag in info.tags or [] if tag.startswith("license:")), "")
        link = line(card.get("license_link") or "")
        if not link.startswith(("https://", "http://")):
            link = f"{self.endpoint}/{self.repo}/blob/{commit}/LICENSE" if "LICENSE" in names else ""
        size = sum(file.size for file in files)
        return Found(repo=self.repo, revision=commit, bytes=size, files=len(files), licence=line(licence), license_url=link), files

    @contextlib.contextmanager
    def content(self, file: File, commit: str, start: int) -> Generator[tuple[int, Iterator[bytes]]]:
        """A file from byte `start` on, or from 0 where the hub cannot do that: (that byte, pieces)."""
        from huggingface_hub import get_session, hf_hub_url
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # pyright: ignore[reportUnknownVariableType]

        # Compressed, a half file could not be continued.
        headers = {**build_hf_headers(token=self.token or False), "accept-encoding": "identity"}
        if start:
            headers["range"] = f"bytes={start}-"
        url = hf_hub_url(self.repo, file.name, revision=commit, endpoint=self.endpoint)
        with get_session().stream("GET", url, headers=headers, timeout=_TIMEOUT_S) as response:
            hf_raise_for_status(response)
            if (is_part := response.status_code == 206) and not response.headers.get("content-range", "").startswith(f"bytes {start}-"):
                raise Broken(f"{self.endpoint} answered other bytes of {file.name} than were asked for.")
            yield (start if is_part else 0), response.iter_bytes()

    def failure(self, error: Exception) -> OptaError:
        """What happened, in a sentence for a person."""
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


def say(event: Event) -> None:
    """One line, at once."""
    try:
        sys.stdout.buffer.write(msgspec.json.encode(event) + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os._exit(1)  # nobody listens any more


def _is_needed(name: str) -> bool:
    is_plain = name.isprintable() and name[:1] != "." and not set(name) & set("/\\") and name != ORIGIN
    return name == _POOLING or (is_plain and any(fnmatch.fnmatchcase(name, pattern) for pattern in _NEEDED))


def is_transient(error: Exception) -> bool:
    """Whether asking again can help."""
    response = getattr(error, "response", None)
    # Without an answer it was the connection.
    return response is None or response.status_code in (408, 429) or response.status_code >= 500


def line(text: object) -> str:
    """A text as one line of bounded length."""
    return " ".join(str(text).split())[:300]
