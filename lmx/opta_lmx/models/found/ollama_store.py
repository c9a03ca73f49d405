"""Ollama's store: `manifests/HOST/OWNER/NAME/TAG` name the blobs of a model; the blob of its weights is a GGUF file."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from opta_core.errors import Refused

from ...json_values import as_list, as_object
from .findings import Findings

ORIGIN = "Ollama"
PREFIX = "ollama:"
_HOST, _OWNER, _TAG = "registry.ollama.ai", "library", "latest"
_MANIFEST_BYTES_MAX, _TEXT_BYTES_MAX = 4 * 1024**2, 1024**2
_KIND = "application/vnd.ollama.image."


class OllamaModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model of the store. `weights`: its GGUF file."""

    name: str
    weights: Path
    licence: str = ""


def find(findings: Findings, store: Path, *, is_expected: bool = False) -> None:
    """Add the models of a store; `store` is the folder that holds `manifests` and `blobs`."""
    if is_expected:
        findings.children(store, is_expected=True)
    for manifest, name in _manifests(findings, store):
        try:
            model = _read(store, manifest, name)
        except Refused as error:
            findings.add_unusable(name, manifest, ORIGIN, error.message)
        except OSError as error:
            findings.problem(f"{manifest} cannot be read ({error.strerror or error}).")
        else:
            findings.add_gguf(name, model.weights, ORIGIN, f"{PREFIX}{name}", model.licence)


def find_one(stores: list[Path], wanted: str) -> OllamaModel:
    """The model of a name, as Ollama writes it (`:latest` may be left out). Raises Refused: there is none, or it is not whole. OSError."""
    findings = Findings()
    found = [(store, manifest, name) for store in stores for manifest, name in _manifests(findings, store)]
    for store, manifest, name in found:
        if name.lower() in (wanted.lower(), f"{wanted.lower()}:{_TAG}"):
            return _read(store, manifest, name)
    known = ", ".join(sorted({name for _, _, name in found})[:20]) or "no models"
    raise Refused(f"Ollama's store has no model {wanted[:80]!r}. It has {known}." + "".join(f" {line}" for line in findings.problems[:3]))


def _manifests(findings: Findings, store: Path) -> list[tuple[Path, str]]:
    """(manifest, name of the model), sorted."""
    found: list[tuple[Path, str]] = []
    folders: list[tuple[Path, tuple[str, ...]]] = [(store / "manifests", ())]
    while folders:
        folder, parts = folders.pop(0)
        for path in findings.children(folder):
            if path.name.startswith("."):
                continue
            if len(parts) == 3:
                found.append((path, _name((*parts, path.name))))
            elif findings.is_folder(path):
                folders.append((path, (*parts, path.name)))
    return found


def _name(parts: tuple[str, ...]) -> str:
    host, owner, model, tag = parts
    if host != _HOST:
        return f"{host}/{owner}/{model}:{tag}"
    return f"{model}:{tag}" if owner == _OWNER else f"{owner}/{model}:{tag}"


def _read(store: Path, manifest: Path, name: str) -> OllamaModel:
    with manifest.open("rb") as handle:
        content = handle.read(_MANIFEST_BYTES_MAX)
    try:
        layers = [layer for each in as_list((as_object(json.loads(content)) or {}).get("layers")) or [] if (layer := as_object(each))]
    except (ValueError, RecursionError):
        raise Refused("its manifest is not valid JSON") from None
    kinds = [str(layer.get("mediaType", "")) for layer in layers]
    weights = [layer for layer, kind in zip(layers, kinds, strict=True) if kind == f"{_KIND}model"]
    if not weights:
        is_tensors = any(kind.startswith(f"{_KIND}tensor") for kind in kinds)
        raise Refused("its weights are not one GGUF file" if is_tensors else "its manifest names no weights on this machine")
    if f"{_KIND}adapter" in kinds:
        raise Refused("it is another model with a LoRA adapter, which the import cannot join")
    return OllamaModel(name=name, weights=_whole_blob(store, weights[0]), licence=_licence(store, layers))


def _whole_blob(store: Path, layer: dict[str, Any]) -> Path:
    blob = _blob(store, layer)
    if blob is None:
        raise Refused("its manifest names a blob that is none")
    try:
        size = blob.stat().st_size
    except FileNotFoundError:
        is_partial = any(blob.parent.glob(f"{blob.name}-partial*"))
        raise Refused("its download is incomplete" if is_partial else "the file of its weights is missing") from None
    if isinstance(wanted := layer.get("size"), int) and size != wanted:
        raise Refused(f"the file of its weights is not whole: it has {size} bytes of {wanted}")
    return blob


def _blob(store: Path, layer: dict[str, Any]) -> Path | None:
    # Older versions wrote a colon. Nothing else may come from the manifest into a path.
    found = re.fullmatch(r"sha256[:-]([0-9a-f]{64})", str(layer.get("digest", "")))
    return store / "blobs" / f"sha256-{found.group(1)}" if found else None


def _licence(store: Path, layers: list[dict[str, Any]]) -> str:
    """The first line of the licence's text that says something."""
    for layer in layers:
        if layer.get("mediaType") == f"{_KIND}license" and (blob := _blob(store, layer)) is not None:
            try:
                with blob.open("rb") as handle:
                    lines = handle.read(_TEXT_BYTES_MAX).decode(errors="replace").split("\n")
            except OSError:
                return ""
            return next((" ".join(line.split())[:80] for line in lines if line.strip()), "")
    return ""
