"""What was found so far: models, and one line for each folder that could not be looked at. Nothing here raises for a bad folder."""

import os
from pathlib import Path

import msgspec

from opta_core.errors import Refused
from opta_protocol.lmx import LmxFound

from .. import model_adapter, model_catalog
from ..gguf.gguf_file import GgufFile, read_gguf
from ..model_adapter import Adapter
from ..model_catalog import Model
from .model_files import ModelFiles, licence_of, look_at

ENTRIES_MAX = 2000
# Folders of ours: a model of them is always offered, because loading it reports what is wrong with it.
BUILT_IN, MODELS_FOLDER = "built-in", "Opta"
OURS = (BUILT_IN, MODELS_FOLDER)


class Findings:
    """Collects the models of several folders. `models` and `adapters`: those that LMX can serve, by name."""

    def __init__(self) -> None:
        self.models: dict[str, Model] = {}
        self.adapters: dict[str, Adapter] = {}
        self.entries: dict[str, LmxFound] = {}
        self.problems: list[str] = []

    def children(self, folder: Path, *, is_expected: bool = False) -> list[Path]:
        """The entries of a folder by name; [] with a line in `problems` when it cannot be read. `is_expected`: also when it is missing."""
        try:
            with os.scandir(folder) as entries:
                names = sorted(entry.name for entry in entries)
        except (FileNotFoundError, NotADirectoryError):
            if is_expected:
                self.problem(f"{folder} does not exist or is not a folder. Correct lmx.model-folders, or the variable that names it.")
            return []
        except OSError as error:
            self.problem(f"{folder} cannot be read ({error.strerror or error}).")
            return []
        if len(names) > ENTRIES_MAX:
            self.problem(f"{folder} has {len(names)} entries; only the first {ENTRIES_MAX} were looked at.")
        return [folder / name for name in names[:ENTRIES_MAX]]

    def is_folder(self, path: Path) -> bool:
        """Whether it is a folder, links followed; False with a line in `problems` when that cannot be found out."""
        try:
            path.stat()
            return path.is_dir()
        except FileNotFoundError:
            if path.is_symlink():
                self.problem(f"{path} is a link to a file or folder that does not exist.")
        except OSError as error:
            self.problem(f"{path} cannot be read ({error.strerror or error}).")
        return False

    def problem(self, line: str) -> None:
        """Note one line for a person."""
        self.problems.append(_plain(line))

    def add_folder(self, name: str, folder: Path, origin: str, *, revision: str = "", problem: str = "", is_checked: bool = True) -> None:
        """Add a folder that has a config.json, or that should have one (`problem` says why it does not)."""
        try:
            files = look_at(folder, is_checked=is_checked)
            model = _model_of(name, folder, files)
        except OSError as error:
            self.problem(f"{folder} cannot be read ({error.strerror or error}).")
            return
        problem = problem or files.problem
        self._add(
            LmxFound(
                id=name,
                path=str(folder),
                origin=origin,
                format="mlx",
                bytes=files.bytes,
                needed=model.needed_bytes,
                token_bytes=model.token_bytes,
                architecture=files.architecture,
                quantisation=files.quantisation,
                context_length=model.context_length,
                capability=model.capability,
                licence=model.licence or files.licence,
                revision=revision or model.revision,
                runnable=not problem,
                problem=problem,
            ),
            msgspec.structs.replace(
                model,
                origin=origin,
                revision=revision or model.revision,
                licence=model.licence or files.licence,
                architecture=files.architecture,
                quantisation=files.quantisation,
            ),
        )

    def add_gguf(self, name: str, file: Path, origin: str, reference: str = "", licence: str = "") -> None:
        """Add a GGUF file. `reference`: what `opta models import` takes for it (default: its path)."""
        try:
            header, size = _header_of(file), file.stat().st_size
        except Refused as error:
            self._add(LmxFound(id=name, path=str(file), origin=origin, format="gguf", problem=error.message))
            return
        except OSError as error:
            self.problem(f"{file} cannot be read ({error.strerror or error}).")
            return
        stated = header.metadata.get("general.license")
        command = f"opta models import {reference or _quoted(str(file))}"
        is_part = header.architecture in ("clip", "") or header.text("general.type") in ("mmproj", "adapter")
        self._add(
            LmxFound(
                id=name,
                path=str(file),
                origin=origin,
                format="gguf",
                bytes=size,
                architecture=header.architecture,
                quantisation=header.quantisation,
                context_length=header.number("context_length"),
                licence=licence or (stated if isinstance(stated, str) else licence_of(file.parent)),
                problem="it is a part of another model, not a language model" if is_part else f"GGUF is not loaded in place: {command}",
                importable=not is_part,
            )
        )

    def add_adapter(self, name: str, folder: Path, origin: str) -> None:
        """Add a folder with a LoRA adapter. The first of a name gets it."""
        adapter = model_adapter.read(name, folder)
        base = f", made for {adapter.base[:80]}" if adapter.base else ""
        self.add_unusable(name, folder, origin, f"it is a LoRA adapter{base}. Requests name it with a model: MODEL+{name}")
        if name in self.entries and self.entries[name].path == str(folder):
            self.adapters[name] = adapter

    def add_unusable(self, name: str, path: Path, origin: str, problem: str) -> None:
        """Add a model of which no file can be looked at, with the reason."""
        self._add(LmxFound(id=name, path=str(path), origin=origin, format="", problem=problem))

    def explain(self, name: str, problem: str) -> None:
        """Replace the reason why a model cannot be run by a better one."""
        self.entries[name] = msgspec.structs.replace(self.entries[name], problem=_plain(problem))

    def _add(self, entry: LmxFound, model: Model | None = None) -> None:
        try:
            model_catalog.check_name(entry.id)
            entry.id.encode()
            entry.path.encode()
        except (Refused, UnicodeEncodeError):
            self.problem(f"{entry.path!r} has a name that no request can use. Rename it, or link to it from the models folder.")
            return
        entry = msgspec.structs.replace(entry, problem=_plain(entry.problem))
        known = self.entries.get(entry.id)
        if known is None or (entry.runnable and entry.id not in self.models):
            # A model that runs takes the name from one that does not.
            also = [] if known is None else [known.path, *known.also]
            self.entries[entry.id] = msgspec.structs.replace(entry, also=also)
            if model is not None and (entry.runnable or entry.origin in OURS):
                self.models[entry.id] = model
        elif os.path.realpath(known.path) != os.path.realpath(entry.path):
            self.entries[entry.id] = msgspec.structs.replace(known, also=[*known.also, entry.path])


_models: dict[tuple[str, Path], tuple[ModelFiles, Model]] = {}
_headers: dict[Path, tuple[tuple[int, int], GgufFile]] = {}


def _model_of(name: str, folder: Path, files: ModelFiles) -> Model:
    """The catalog's view of a folder, read again only after a file of it changed."""
    known = _models.get((name, folder))
    if known is None or known[0] is not files:
        known = _models[name, folder] = (files, model_catalog.read(folder, name))
    return known[1]


def _header_of(file: Path) -> GgufFile:
    seen = file.stat()
    stamp, known = (seen.st_size, seen.st_mtime_ns), _headers.get(file)
    if known is None or known[0] != stamp:
        known = _headers[file] = (stamp, read_gguf(file, is_summary=True))
    return known[1]


def _quoted(path: str) -> str:
    return path if all(character.isalnum() or character in "/._-+:@%" for character in path) else "'" + path.replace("'", "'\\''") + "'"


def _plain(text: str) -> str:
    """One line that every terminal and encoder takes."""
    return "".join(character if character.isprintable() else "?" for character in text)
