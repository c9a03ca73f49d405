"""Imports a GGUF file: `python -m opta_lmx.models.gguf [--name N] [--dtype D] [--plain] -- FILE`.

FILE is a path, `ollama:NAME`, or the name under which `opta models list` shows a GGUF file. The lines of its standard output are
those of `work_lines`.
"""

import argparse
import os
import re
import sys
from pathlib import Path

from opta_core import settings
from opta_core.errors import Refused
from opta_core.settings import LoadedSettings
from opta_protocol.lmx import LmxWorkDone

from .. import model_catalog
from ..found import ollama_store
from ..found.everything import find_all
from ..found.sources import Source, sources_of
from ..work_lines import ProgressLines, run_program
from .gguf_import import DTYPES, import_gguf

# Parts of a file's name that say how the weights are quantised.
_QUANTISATION = re.compile(r"[-._](i?q\d(_[01]|_k(_[sml])?|_xxs|_xs|_s|_m|_nl)?|f16|f32|bf16|fp16)$", re.IGNORECASE)


def main() -> int:
    """Run the program; returns its exit code."""
    parser = argparse.ArgumentParser(prog="opta_lmx.models.gguf")
    parser.add_argument("file")
    parser.add_argument("--name", default="")
    parser.add_argument("--dtype", default="", choices=["", *DTYPES])
    parser.add_argument("--plain", action="store_true")
    options = parser.parse_args()
    return run_program(lambda: _work(options))


def _work(options: argparse.Namespace) -> LmxWorkDone:
    loaded = settings.load()
    source, known_as, licence = _source(loaded, options.file)
    name = options.name or _QUANTISATION.sub("", known_as)
    check_new_name(name)
    folder = loaded.paths.models / name
    made = import_gguf(source, folder, ProgressLines(), licence=licence, dtype=options.dtype, keeps=not options.plain)
    summary = f"{made.architecture}, {made.quantisation or 'quantisation not stated'}, computed in {made.dtype}"
    return LmxWorkDone(name=name, path=str(folder), bytes_before=made.bytes_before, bytes=made.bytes, summary=summary, notes=made.notes)


def check_new_name(name: str) -> None:
    """Raise Refused when a model folder cannot have this name."""
    model_catalog.check_name(name)
    if not re.fullmatch(r"[A-Za-z0-9][\w.+-]{0,95}", name, re.ASCII):
        raise Refused(f"{name[:80]!r} cannot be the name of a model: letters, digits and . _ + - are possible. Give one with --name.")
    if name.endswith((".part", ".import", ".quantise")) or name == "probe":
        raise Refused(f"{name!r} is a name that LMX uses itself. Give another one with --name.")


def _source(loaded: LoadedSettings, given: str) -> tuple[Path, str, str]:
    """(the file, a name for the model, its licence). Raises Refused: there is no such file."""
    sources = sources_of(loaded.settings.lmx, os.environ)
    if given.startswith(ollama_store.PREFIX):
        found = ollama_store.find_one(_stores(sources), given.removeprefix(ollama_store.PREFIX))
        return found.weights, _plain_name(found.name.removesuffix(":latest")), found.licence
    path = Path(given).expanduser()
    if path.is_file():
        return path, _plain_name(path.stem), ""
    if path.is_dir():
        raise Refused(f"{path} is a folder. Name the GGUF file in it.")
    entry = find_all(loaded.paths.models, sources).entries.get(given)
    if entry is None:
        raise Refused(f"There is no file {given[:200]!r}, and no model of that name on this machine. See: opta models list")
    if not entry.importable:
        raise Refused(f"{given[:200]} cannot be imported: {entry.problem or 'LMX can run it as it is'}.")
    return Path(entry.path), _plain_name(entry.id.rpartition("/")[2].removesuffix(":latest")), entry.licence


def _stores(sources: list[Source]) -> list[Path]:
    return [source.folder for source in sources if source.kind == "Ollama"]


def _plain_name(name: str) -> str:
    """A name without what a folder of ours cannot be called."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", name.rpartition("/")[2]).strip("-._") or "imported"


if __name__ == "__main__":
    sys.exit(main())
