"""`./opta dev package`: builds the wheel and the sdist, checks what is in them, and runs the wheel in clean environments.

`./opta dev package PYTHON …`: in an environment of each of these interpreters, by default of the running one. Nothing of the checkout is on
the path there: the daemon starts, the probe model answers, the daemon stops. Also writes the list of what is shipped and its licences.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
UV = Path(sys.executable).parent / "uv"
# What a wheel needs to work: the page, the probe model, the rules of the sandbox, LMX's status page.
NEEDED = ["opta_desktop/static/index.html", "opta_lmx/probe/", "opta_cli/tui/terminal.tcss", "opta_lmx/server/page/"]
FORBIDDEN = ["tests/", "node_modules/", ".venv/", "__pycache__"]
# What the smoke test runs, and a word of what it prints.
SMOKE = [
    (["version"], "opta"),
    (["up", "--no-open", "--detach"], "http://127.0.0.1"),
    (["chat", "--once", "What is 2+2?"], "4"),
    (["status"], "running"),
    (["down"], "Stopped"),
]


def run(pythons: list[str]) -> int:
    """Build, check and try. Returns 0 when all of it works."""
    wheel, sdist = build()
    problems = missing_in_wheel(wheel) + missing_in_sdist(sdist)
    print(f"{wheel.name} {wheel.stat().st_size / 1e6:.1f} MB, {sdist.name} {sdist.stat().st_size / 1e6:.1f} MB")
    for python in pythons or [sys.executable]:
        problems += smoke(wheel, python)
    print("\n".join(f"✕ {problem}" for problem in problems) or "✓ packages")
    return 1 if problems else 0


def build() -> tuple[Path, Path]:
    """Build both into `dist`; returns the wheel and the sdist."""
    shutil.rmtree(DIST, ignore_errors=True)
    subprocess.run([UV, "build", "-q", "--no-build-isolation", "--python", sys.executable, "--out-dir", DIST, ROOT], check=True)
    return next(DIST.glob("*.whl")), next(DIST.glob("*.tar.gz"))


def missing_in_wheel(wheel: Path) -> list[str]:
    """What a wheel lacks, or has and should not."""
    names = zipfile.ZipFile(wheel).namelist()
    missing = [f"{wheel.name} lacks {needed}" for needed in NEEDED if not any(name.startswith(needed) for name in names)]
    return missing + [f"{wheel.name} has {name}" for name in names if any(each in name for each in FORBIDDEN)]


def missing_in_sdist(sdist: Path) -> list[str]:
    """What an sdist lacks: the sources of the page and of the packages, and the licence."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = [
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "desktop/web/package-lock.json",
        "shared/opta_core/version.py",
        "lmx/opta_lmx/__main__.py",
    ]
    missing = [f"{sdist.name} lacks {name}" for name in needed if name not in names]
    return missing + [f"{sdist.name} has {name}" for name in sorted(names) if "node_modules/" in name or name.startswith(".venv/")]


def smoke(wheel: Path, python: str) -> list[str]:
    """Install the wheel with LMX into a new environment, and use it in a new home."""
    with tempfile.TemporaryDirectory(prefix="opta-package-") as folder:
        started = time.monotonic()
        environment, home = Path(folder) / "env", Path(folder) / "home"
        home.mkdir(mode=0o700)
        subprocess.run([UV, "venv", "-q", "--python", python, environment], check=True)
        command = [UV, "pip", "install", "-q", "--system-certs", "--python", environment / "bin/python", f"opta[lmx,acp] @ file://{wheel}"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        version = subprocess.run([environment / "bin/python", "--version"], check=True, capture_output=True, text=True).stdout.strip()
        if done.returncode:
            return [f"{version}: the wheel cannot be installed: {done.stderr.strip()[-400:]}"]
        size = sum(file.lstat().st_size for file in environment.rglob("*")) / 1e6
        print(f"{version}: installed in {time.monotonic() - started:.0f} s, {size:.0f} MB", flush=True)
        variables = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "OPTA_HOME": str(home / "opta"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }
        try:
            return [f"{version}: {problem}" for words, said in SMOKE if (problem := _tried(environment, variables, home, words, said))]
        finally:
            subprocess.run([environment / "bin/opta", "down"], cwd=home, env=variables, check=False, capture_output=True)


def _tried(environment: Path, variables: dict[str, str], folder: Path, words: list[str], said: str) -> str:
    """What is wrong with a command of the installed program; '' for nothing."""
    started = time.monotonic()
    try:
        done = subprocess.run(
            [environment / "bin/opta", *words], cwd=folder, env=variables, check=False, capture_output=True, text=True, timeout=180
        )
    except subprocess.TimeoutExpired:
        return f"opta {' '.join(words)} took more than 180 s"
    print(f"  opta {' '.join(words)}: exit {done.returncode}, {time.monotonic() - started:.1f} s", flush=True)
    printed = done.stdout + done.stderr
    return "" if done.returncode == 0 and said in printed else f"opta {' '.join(words)}: exit {done.returncode}: {printed.strip()[-400:]}"
