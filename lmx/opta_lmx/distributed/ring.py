"""Starts the other ranks of a ring from rank 0, on this machine or over ssh. `mlx.launch` does the same, but keeps a processor busy.

The host file is that of `mlx.launch`: a list of `{"ssh": host, "ips": [address]}`, this machine first. When a rank ends, all ranks
end, and the server starts the whole ring again.
"""

import json
import os
import shlex
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

from opta_core.inheritance import python
from opta_core.process.system_programs import find

HERE = ("127.0.0.1", "localhost")
# Ranks on other machines listen on this port plus their number.
FIRST_PORT = 32323


def begin(host_file: str, arguments: list[str]) -> list[IO[bytes]]:
    """Make this process rank 0, start the other ranks with the same arguments, and return their standard inputs, which wake them.

    Raises OSError, ValueError: the host file is missing or invalid.
    """
    hosts: list[dict[str, Any]] = json.loads(Path(host_file).read_text())
    if len(hosts) < 2 or not all(host.get("ips") and host.get("ssh") for host in hosts):
        raise ValueError(f'{host_file} needs two or more entries like {{"ssh": "host", "ips": ["10.0.0.1"]}}, this machine first')
    ring = json.dumps([[f"{host['ips'][0]}:{_port(rank, host)}"] for rank, host in enumerate(hosts)])
    os.environ |= {"MLX_RANK": "0", "MLX_HOSTFILE": _file_of(ring)}
    others = [_start(rank, host, ring, arguments) for rank, host in enumerate(hosts) if rank]
    for other in others:
        threading.Thread(target=_end_with, args=(other,), daemon=True, name=f"ring {other.pid}").start()
    return [other.stdin for other in others if other.stdin is not None]


def _start(rank: int, host: dict[str, Any], ring: str, arguments: list[str]) -> "subprocess.Popen[bytes]":
    command = python("opta_lmx.engine", arguments)
    if host["ssh"] in HERE:
        environment = {**os.environ, "MLX_RANK": str(rank), "MLX_HOSTFILE": _file_of(ring)}
        return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE)
    # With a terminal (-tt), the remote process ends when this one does.
    script = f"f=$(mktemp) && printf %s {shlex.quote(ring)} > $f && MLX_RANK={rank} MLX_HOSTFILE=$f exec {shlex.join(command)}"
    return subprocess.Popen([find("ssh") or "ssh", "-tt", "-o", "BatchMode=yes", str(host["ssh"]), script], stdin=subprocess.PIPE)


def _port(rank: int, host: dict[str, Any]) -> int:
    if host["ips"][0] not in HERE:
        return FIRST_PORT + rank
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _file_of(text: str) -> str:
    descriptor, name = tempfile.mkstemp(prefix="opta-ring-", suffix=".json")
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
    return name


def _end_with(other: "subprocess.Popen[bytes]") -> None:
    other.wait()
    os._exit(1)
