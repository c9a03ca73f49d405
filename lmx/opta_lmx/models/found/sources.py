"""Where models may lie on this machine: our folder, the folders of the settings, and those of other programs."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from opta_core.lmx_settings import LmxSettings

from ...json_values import as_object

Kind = Literal["folder", "Hugging Face cache", "LM Studio", "Ollama"]
# Ollama's systemd service has a home of its own.
_OLLAMA_SERVICE = Path("/usr/share/ollama/.ollama/models")
# Variables by which people move the folders of other programs.
VARIABLES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "OLLAMA_MODELS")


class Source(msgspec.Struct, frozen=True):
    """One folder to look in, and the program whose layout it has. `is_named`: a person named it, so that it must exist."""

    kind: Kind
    folder: Path
    is_named: bool = False


def sources_of(settings: LmxSettings, environment: Mapping[str, str], user_home: Path | None = None) -> list[Source]:
    """The sources besides our folder, in the order in which they give a name to a model.

    Folders of the settings come first, then the usual ones, then those of environment variables: a variable can be set by a
    repository's tools, and must not replace a model that a person knows.
    """
    found = [Source(_kind_of(folder), folder, is_named=True) for folder in (Path(name).expanduser() for name in settings.model_folders)]
    if settings.other_models:
        found += [*_usual(user_home or Path.home(), environment), *_named_by_variables(environment)]
    unique: dict[str, Source] = {}
    for source in found:
        unique.setdefault(os.path.realpath(source.folder), source)
    return list(unique.values())


def _kind_of(folder: Path) -> Kind:
    """The layout of a folder that a person named."""
    try:
        names = {entry.name for entry in os.scandir(folder)}
    except OSError:
        return "folder"
    if {"manifests", "blobs"} <= names:
        return "Ollama"
    return "Hugging Face cache" if "hub" in names or any(name.startswith("models--") for name in names) else "folder"


def _usual(home: Path, environment: Mapping[str, str]) -> list[Source]:
    cache = Path(environment["XDG_CACHE_HOME"]) if environment.get("XDG_CACHE_HOME") else home / ".cache"
    studio = _studio_homes(home)
    return [
        Source("Hugging Face cache", cache / "huggingface/hub"),
        *(Source("LM Studio" if (kind := _kind_of(folder)) == "folder" else kind, folder) for folder in _studio_folders(studio)),
        Source("Ollama", home / ".ollama/models"),
        Source("Ollama", _OLLAMA_SERVICE),
    ]


def _studio_homes(home: Path) -> list[Path]:
    moved = _text(home / ".lmstudio-home-pointer").strip()
    return [*([Path(moved)] if moved.startswith("/") else []), home / ".lmstudio", home / ".cache/lm-studio"]


def _studio_folders(homes: list[Path]) -> list[Path]:
    """The folder of its settings first, as LM Studio itself uses it. People also choose the cache of another program."""
    chosen: list[Path] = []
    for home in homes:
        value = _object(home / "settings.json").get("downloadsFolder")
        if isinstance(value, str) and value.startswith("/"):
            chosen.append(Path(value))
    return [*chosen, *(home / "models" for home in homes)]


def _named_by_variables(environment: Mapping[str, str]) -> list[Source]:
    found: list[Source] = []
    for name in VARIABLES:
        folder = Path(environment.get(name, "")).expanduser()
        # A relative path would depend on the folder in which a service was started.
        if folder.is_absolute():
            kind: Kind = "Ollama" if name == "OLLAMA_MODELS" else "Hugging Face cache"
            found.append(Source(kind, folder / "hub" if name == "HF_HOME" else folder, is_named=True))
    return found


def _object(file: Path) -> dict[str, object]:
    try:
        return as_object(json.loads(_text(file))) or {}
    except (ValueError, RecursionError):
        return {}


def _text(file: Path) -> str:
    try:
        with file.open("rb") as handle:
            return handle.read(1024 * 1024).decode(errors="replace")
    except OSError:
        return ""
