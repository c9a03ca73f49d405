"""The machine's own limits: a client directly at the model server, and one hop over a socket."""

import asyncio
import json
import os
import socket
import struct
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from figure import percentile

HOP_EVERY_S = 0.01


@dataclass(frozen=True)
class Direct:
    """An answer read directly from the model server."""

    asked_at: float
    arrivals: list[float]
    done_at: float
    cpu_s: float


async def direct(url: str, prompt: str) -> Direct:
    """Send a prompt to the model server without the daemon, and record the time of every piece."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    content = json.dumps({"model": "scripted", "messages": [{"role": "user", "content": prompt}]}).encode()
    cpu_before, asked_at = time.process_time(), time.perf_counter()
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
    arrivals: list[float] = []
    tail = b""
    while not tail.endswith(b"0\r\n\r\n"):
        chunk = await reader.read(65536)
        if not chunk:
            raise RuntimeError("the scripted server closed the connection")
        arrivals += [time.perf_counter()] * chunk.count(b'"content": "word"')
        tail = (tail + chunk)[-16:]
    found = Direct(asked_at, arrivals, time.perf_counter(), time.process_time() - cpu_before)
    writer.close()
    await writer.wait_closed()
    return found


def hop_ms(count: int = 200) -> tuple[float, float]:
    """(p50, p95) of one hop over an AF_UNIX socket to another process, 100 times a second."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    pid = os.fork()
    if pid == 0:
        ours.close()
        for _ in range(count):
            sent_at = struct.unpack("d", theirs.recv(8))[0]
            theirs.send(struct.pack("d", time.perf_counter() - sent_at))
        os._exit(0)
    theirs.close()
    took: list[float] = []
    for _ in range(count):
        ours.send(struct.pack("d", time.perf_counter()))
        took.append(struct.unpack("d", ours.recv(8))[0] * 1000)
        time.sleep(HOP_EVERY_S)
    os.waitpid(pid, 0)
    ours.close()
    return percentile(took, 0.5), percentile(took, 0.95)
