"""What the checks of an edited file add to an edit: ruff, in the read-only sandbox of the session."""

import tempfile
import time
from pathlib import Path

import msgspec
from figure import Figure, percentile
from support.checked_edits import CheckedEdits, added

from opta_core.diagnostics_settings import DiagnosticsSettings

EDITS = 40
MODULE = "".join(f"def f{number}(value: int) -> int:\n    return value + {number}\n\n\n" for number in range(100))


def figures() -> list[Figure]:
    """In a temporary folder of the home."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        desk = CheckedEdits(Path(folder))
        try:
            desk.install_ruff()
            (desk.work / "ruff.toml").write_text('[lint]\nselect = ["E", "F"]\n')
            # The file itself is read and written either way.
            without = _edits(desk, "plain.py", is_checked=False)
            first, *later = _edits(desk, "checked.py", is_checked=True)
        finally:
            desk.close()
    bare, p50 = percentile(without, 0.5), percentile(later, 0.5)
    note = f"one file of 400 lines; an edit alone {bare:.2g} ms; p95 {percentile(later, 0.95) - bare:.3g} ms"
    return [
        Figure("an edit checked by ruff, added to the edit", p50 - bare, "ms", 2000, note=note),
        Figure(
            "the first checked edit of a session, added",
            first - bare,
            "ms",
            2000,
            note="with the sandbox, and with ruff before the edit too",
        ),
    ]


def _edits(desk: CheckedEdits, name: str, *, is_checked: bool) -> list[float]:
    """Milliseconds of each edit; every one adds a problem, which has to be reported."""
    desk.settings = msgspec.structs.replace(desk.settings, diagnostics=DiagnosticsSettings(enabled=is_checked))
    (desk.work / name).write_text(MODULE)
    took: list[float] = []
    for number in range(EDITS):
        started = time.perf_counter()
        content = desk.edit(name, f"return value + {number}\n", f"return missing_{number}\n")
        took.append((time.perf_counter() - started) * 1000)
        assert bool(added(content)) is is_checked, content
    return took
