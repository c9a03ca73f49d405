"""Makes a smaller copy of a model: `python -m opta_lmx.models.quantise [--bits 4] [--group-size 64] [--name N] -- MODEL`.

The weights are quantised by mlx-lm in a process of the engine's package; this one finds the model, checks the disk, copies the
tokenizer, and makes the folder appear whole or not at all. Its output is that of `work_lines`.
"""

import argparse
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from opta_core import settings
from opta_core.errors import Refused
from opta_core.inheritance import python
from opta_protocol.lmx import LmxFound, LmxWorkDone

from ..json_values import as_object
from . import model_catalog
from .found.everything import find_all
from .found.sources import sources_of
from .gguf.__main__ import check_new_name
from .new_folder import check_space, new_folder, refuse_existing
from .work_lines import ProgressLines, run_program

SUFFIX = ".quantise"
_LOOK_EVERY_S = 0.3
# Copied as they are; never code, and none of what describes the old weights.
_COPIED = ("*.json", "*.jinja", "tokenizer.model", "*.tiktoken", "*.txt", "README*", "LICENSE*", "1_Pooling/config.json")
_NOT_COPIED = ("config.json", "model.safetensors.index.json", "opta.json", "hf_quant_config.json")


def main() -> int:
    """Run the program; returns its exit code."""
    parser = argparse.ArgumentParser(prog="opta_lmx.models.quantise")
    parser.add_argument("model")
    parser.add_argument("--bits", type=int, default=4, choices=[4, 8])
    parser.add_argument("--group-size", type=int, default=64, choices=[32, 64, 128])
    parser.add_argument("--name", default="")
    options = parser.parse_args()
    return run_program(lambda: _work(options.model, options.bits, options.group_size, options.name))


def _work(wanted: str, bits: int, group: int, name: str) -> LmxWorkDone:
    loaded = settings.load()
    found = find_all(loaded.paths.models, sources_of(loaded.settings.lmx, os.environ)).entries.get(wanted.removeprefix("lmx/"))
    source = _source(wanted, found)
    name = name or f"{source.id.rpartition('/')[2].replace(':', '-')}-{bits}bit"
    check_new_name(name)
    folder = loaded.paths.models / name
    refuse_existing(folder)
    # The result is smaller than its source.
    check_space(folder.parent, source.bytes)
    with new_folder(folder, SUFFIX) as part:
        _quantise(Path(source.path), part, bits, group)
        _copy(Path(source.path), part)
        origin = {
            "repo": source.id if "/" in source.id else "",
            "revision": source.revision,
            "licence": source.licence,
            "source": source.id,
        }
        (part / "opta.json").write_text(json.dumps(origin))
    made = model_catalog.read(folder)
    share = 100 * made.weight_bytes / source.bytes
    return LmxWorkDone(
        name=name,
        path=str(folder),
        bytes_before=source.bytes,
        bytes=made.weight_bytes,
        summary=f"{bits} bits in groups of {group}, {share:.0f} % of the size",
        notes=[] if sys.platform == "darwin" else ["Without a GPU, quantised weights need less memory and are slower than plain ones."],
    )


def _source(wanted: str, found: LmxFound | None) -> LmxFound:
    if found is None:
        raise Refused(f"There is no model {wanted[:80]!r} on this machine. List them: opta models list")
    if found.format != "mlx":
        raise Refused(f"{wanted[:80]} is not a model folder. {found.problem}. Import it first: opta models import")
    if not found.runnable:
        raise Refused(f"{wanted[:80]} cannot be quantised: {found.problem}.")
    return found


def _quantise(source: Path, part: Path, bits: int, group: int) -> None:
    """Run the engine's program, and report how many bytes it has written."""
    command = python("opta_lmx.engine.weight_quantiser", [str(source), str(part), str(bits), str(group)])
    report, total, failure = ProgressLines(), 0, ""
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors) as child,
    ):
        assert child.stdout is not None
        try:
            while child.poll() is None:
                if select.select([child.stdout], [], [], _LOOK_EVERY_S)[0]:
                    line = child.stdout.readline()
                    if not line:
                        break
                    said = _line(line)
                    total, failure = int(said.get("total", total)), str(said.get("failed", failure))
                if total:
                    report(min(_written(part), total), total)
        except BaseException:
            child.kill()
            raise
    if child.returncode:
        reason = failure or f"the process that quantises it ended with code {child.returncode}"
        raise Refused(f"{source.name} cannot be quantised: {reason}. Nothing was made.")
    if not (part / "config.json").exists():
        raise Refused(f"{source.name} cannot be quantised: no model was written. Nothing was made.")


def _line(content: bytes) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        return as_object(json.loads(content)) or {}
    return {}


def _written(part: Path) -> int:
    size = 0
    with contextlib.suppress(OSError):
        for file in part.glob("*.safetensors"):
            size += file.stat().st_size
    return size


def _copy(source: Path, part: Path) -> None:
    for pattern in _COPIED:
        for file in source.glob(pattern):
            target = part / file.relative_to(source)
            if (file.is_file() and file.name not in _NOT_COPIED) or pattern.startswith("1_"):
                target.parent.mkdir(mode=0o700, exist_ok=True)
                shutil.copyfile(file, target)


if __name__ == "__main__":
    sys.exit(main())
