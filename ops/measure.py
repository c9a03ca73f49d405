"""`./opta test --coverage`: measures line and branch coverage, also in the processes that the tests start.

Measuring doubles the time of the tests, so `./opta test` prints the figures of the last complete measurement (`tests/coverage.toml`).
Processes that are killed, and processes in the sandbox, are not measured.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Generator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RECORD = ROOT / "tests/coverage.toml"
PACKAGES = ("shared", "services", "lmx/opta_lmx", "cli", "desktop/opta_desktop")
_HEAD = "# Percent of lines and of branches that the tests run. Written by `./opta test --coverage`.\n"


@contextlib.contextmanager
def measured(complete: bool) -> Generator[None]:
    """Measure the code that runs inside. Afterwards print the figures, and store them when all tests ran."""
    switch = Path(sysconfig.get_path("purelib")) / "opta-coverage.pth"
    with tempfile.TemporaryDirectory(prefix="opta-coverage-") as folder:
        settings = Path(folder) / "coverage.ini"
        sources = ",".join(str(ROOT / package) for package in PACKAGES)
        settings.write_text((ROOT / "ops/coverage.ini").read_text() + f"source = {sources}\ndata_file = {folder}/data\n")
        start = Path(folder) / "coverage_start.py"
        shutil.copy(ROOT / "ops/coverage_start.py", start)
        # A killed measurement leaves the `.pth` file, which then points to a folder that no longer exists.
        switch.write_text(f"import os, runpy; os.path.exists({str(start)!r}) and runpy.run_path({str(start)!r})\n")
        try:
            yield
        finally:
            switch.unlink(missing_ok=True)
        report(_figures(settings), RECORD if complete else None)


def report(figures: dict[str, Any], record: Path | None) -> None:
    """Print each package's figures and the files with the most uncovered lines. Write the figures to `record`."""
    totals = {
        package: _share(figures["files"], package)
        for package in PACKAGES
        if any(Path(name).is_relative_to(package) for name in figures["files"])
    }
    print("\n".join(_line(package, *shares) for package, shares in totals.items()))
    missing = sorted(((len(each["missing_lines"]), name) for name, each in figures["files"].items()), reverse=True)
    print("most lines without a test:", ", ".join(f"{name} {count}" for count, name in missing[:25]))
    if record:
        record.write_text(
            _HEAD + "".join(f'"{package}" = [{lines:.1f}, {branches:.1f}]\n' for package, (lines, branches) in totals.items())
        )


def last(record: Path = RECORD) -> str:
    """The figures of the last complete measurement, one line per package."""
    known = tomllib.loads(record.read_text()) if record.exists() else {}
    return "\n".join(_line(package, *shares) for package, shares in known.items()) or "coverage: not measured yet: ./opta test --coverage"


def _figures(settings: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "coverage"]
    out = settings.with_name("figures.json")
    environment = {**os.environ, "COVERAGE_RCFILE": str(settings)}
    subprocess.run([*command, "combine", "-q"], cwd=settings.parent, env=environment, check=True)
    subprocess.run([*command, "json", "-q", "-i", "-o", str(out)], cwd=ROOT, env=environment, check=True)
    return json.loads(out.read_text())


def _share(files: dict[str, Any], package: str) -> tuple[float, float]:
    """(line coverage, branch coverage) in percent."""
    of = [each["summary"] for name, each in files.items() if Path(name).is_relative_to(package)]
    lines, run = sum(each["num_statements"] for each in of), sum(each["covered_lines"] for each in of)
    branches, taken = sum(each["num_branches"] for each in of), sum(each["covered_branches"] for each in of)
    return 100 * run / lines if lines else 100.0, 100 * taken / branches if branches else 100.0


def _line(package: str, lines: float, branches: float) -> str:
    return f"coverage of {package}: {lines:.1f} % of lines, {branches:.1f} % of branches"
