"""Folders as other programs make them: a Hugging Face cache, LM Studio's folders, Ollama's store; and GGUF files with a header only."""

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

LLAMA = {
    "model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "max_position_embeddings": 4096, "torch_dtype": "bfloat16",
}  # fmt: skip
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def safetensors(size: int = 64, *, cut: int = 0) -> bytes:
    """A weight file of one tensor with `size` bytes, of which the last `cut` are missing."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return len(header).to_bytes(8, "little") + header + b"\0" * (size - cut)


def write_model(folder: Path, config: dict[str, Any] | None = None, **files: bytes | None) -> Path:
    """A model folder. `files`: content by name with `__` for a dot; None leaves a usual one out."""
    usual: dict[str, bytes | None] = {
        "config.json": json.dumps(config or LLAMA).encode(),
        "model.safetensors": safetensors(),
        "tokenizer.json": b"{}",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (usual | {name.replace("__", "."): content for name, content in files.items()}).items():
        if content is not None:
            (folder / name).write_bytes(content)
    return folder


def hub_repo(hub: Path, repo: str, files: dict[str, bytes], *, commit: str = COMMIT, ref: str = "main") -> Path:
    """One repository as the library of Hugging Face keeps it: blobs, and a snapshot of links to them. Returns the repository's folder."""
    folder = hub / f"models--{repo.replace('/', '--')}"
    snapshot = folder / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (folder / "blobs").mkdir(exist_ok=True)
    for name, content in files.items():
        blob = folder / "blobs" / hashlib.sha256(content).hexdigest()
        blob.write_bytes(content)
        (snapshot / name).symlink_to(f"../../blobs/{blob.name}")
    if ref:
        (folder / "refs").mkdir(exist_ok=True)
        (folder / "refs" / ref).write_text(commit)
    return folder


def model_content(config: dict[str, Any] | None = None) -> dict[str, bytes]:
    """The files of a whole model."""
    return {"config.json": json.dumps(config or LLAMA).encode(), "model.safetensors": safetensors(), "tokenizer.json": b"{}"}


def gguf_header(architecture: str = "llama", **more: Any) -> bytes:
    """A GGUF file without tensors. `more`: further values of the metadata, with `__` for a dot."""
    values = {"general.architecture": architecture, "general.file_type": 15, f"{architecture}.context_length": 2048}
    values |= {name.replace("__", "."): value for name, value in more.items()}
    text = b"GGUF" + struct.pack("<IQQ", 3, 0, len(values))
    for name, value in values.items():
        text += struct.pack("<Q", len(name)) + name.encode()
        text += struct.pack("<IQ", 8, len(value.encode())) + value.encode() if isinstance(value, str) else struct.pack("<II", 4, value)
    return text


def ollama_model(store: Path, name: str, weights: bytes, *, licence: str = "", more: list[dict[str, Any]] | None = None) -> Path:
    """A model of Ollama's store: `name` is `NAME:TAG`, `OWNER/NAME:TAG` or `HOST/OWNER/NAME:TAG`. Returns its manifest."""
    head, _, tag = name.rpartition(":")
    parts = ["registry.ollama.ai", "library", head] if "/" not in head else head.split("/")
    parts = ["registry.ollama.ai", *parts] if len(parts) == 2 else parts
    layers = [blob_layer(store, "model", weights), *([blob_layer(store, "license", licence.encode())] if licence else []), *(more or [])]
    manifest = store.joinpath("manifests", *parts, tag)
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": layers}))
    return manifest


def blob_layer(store: Path, kind: str, content: bytes) -> dict[str, Any]:
    """A layer of a manifest, with its blob."""
    digest = hashlib.sha256(content).hexdigest()
    (store / "blobs").mkdir(parents=True, exist_ok=True)
    (store / "blobs" / f"sha256-{digest}").write_bytes(content)
    return {"mediaType": f"application/vnd.ollama.image.{kind}", "digest": f"sha256:{digest}", "size": len(content)}
