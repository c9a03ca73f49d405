"""What a command in the sandbox reaches: the kernel, other processes, sockets, memory, and files that are hidden from it."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from support.contained import PYTHON, Place
from support.git import file

from opta_tools.sandbox.launch import CommandSpec, WorkspaceRef
from opta_tools.sandbox.limits import CommandLimits

UP = "../" * 24


# The folder that a command starts in belongs to the supervisor's mount namespace (supervisor._folder, init._become).


def test_kernel_variables_are_not_writable_by_a_relative_path(place: Place) -> None:
    if os.getuid() != 0:
        return  # another row runs for this user
    assert not place.run(f"test -w {UP}proc/sys/kernel/core_pattern").ok
    assert not place.run(f"test -w {UP}proc/sysrq-trigger").ok


def test_a_relative_path_leads_to_no_process_of_another_command(place: Place) -> None:
    file(
        place.work / "victim.py",
        "import ctypes, time\nheld = ctypes.create_string_buffer(b'ORIGINAL-DATA')\nopen('addr', 'w').write(str(ctypes.addressof(held)))\n"
        "while held.value != b'INJECTED': time.sleep(0.02)\nopen('injected', 'w').write('x')\n",
    )
    file(
        place.work / "attack.py",
        f"import os\nat = int(open('addr').read())\nfor pid in filter(str.isdigit, os.listdir('{UP}proc')):\n try:\n  if 'victim.py' in open('{UP}proc/' + pid + '/cmdline').read():\n"
        f"   os.pwrite(os.open('{UP}proc/' + pid + '/mem', os.O_RDWR), b'INJECTED\\0', at)\n except OSError: pass\n",
    )
    place.run(f"{PYTHON} -S victim.py", background=True, network="on")
    place.run(f"{PYTHON} -S attack.py; sleep 0.3")
    # A command without network has written into the memory of one with network.
    assert not (place.work / "injected").exists()


# Sockets and network


@pytest.mark.parametrize(("level", "network"), [("full", "off"), ("full", "on"), ("landlock", "off")])
def test_a_pair_of_raw_sockets_reaches_no_socket_of_the_machine(tmp_path: Path, level: str, network: str) -> None:
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        place = Place(Path(folder), level=level)  # type: ignore[arg-type]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
                path = str(place.work / "s")
                listener.bind(path)
                listener.setblocking(False)
                # SOCK_RAW of AF_UNIX is a datagram socket (net/unix/af_unix.c).
                file(
                    place.work / "t.py",
                    f"import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_RAW)\na.connect({path!r}); a.send(b'x')\n",
                )
                place.run(f"{PYTHON} -S t.py", network=network)
                with pytest.raises(BlockingIOError):
                    listener.recv(1)
        finally:
            place.close()


def test_a_mapped_address_does_not_lead_to_this_machine(place: Place) -> None:
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        listener.settimeout(2)
        port = listener.getsockname()[1]
        place.run(f"curl -sS -m 1 --noproxy '' -p -x http://127.0.0.1:3128 'http://[::ffff:127.0.0.2]:{port}/'", network="on")
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_public_address_of_this_machine_is_this_machine() -> None:
    if os.getuid() != 0:
        return  # another row runs for this user
    script = (
        "import asyncio, ctypes, subprocess, sys\nctypes.CDLL(None).unshare(0x40000000)\n"
        "subprocess.run('ip link set lo up; ip addr add 5.6.7.8/32 dev lo', shell=True, check=True)\n"
        "from opta_core.net.proxy import Proxy\nprint(asyncio.run(Proxy(None, allows_network=True).address('5.6.7.8', 8080)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": ":".join(sys.path)}
    )
    assert "5.6.7.8" not in done.stdout
    assert "Refusal" in done.stderr, done.stderr


# Limits


@pytest.mark.parametrize("kind", ["memfd", "shared mapping", "System V"])
def test_shared_memory_counts_as_memory(tmp_path: Path, kind: str) -> None:
    place = Place(tmp_path, limits=CommandLimits(memory_mb=100))
    script = {
        "memfd": "import os, time\nf = os.memfd_create('x')\nfor _ in range(40): os.write(f, b'x' * (10 << 20))\ntime.sleep(1.5)\n",
        "shared mapping": "import mmap, time\nm = mmap.mmap(-1, 400 << 20)\nfor at in range(0, 400 << 20, 4096): m[at] = 1\ntime.sleep(1.5)\n",
        "System V": "import ctypes, time\nl = ctypes.CDLL(None)\nl.shmat.restype = ctypes.c_void_p\na = l.shmat(l.shmget(0, 400 << 20, 0o1600), None, 0)\nctypes.memset(a, 1, 400 << 20)\ntime.sleep(1.5)\n",
    }[kind]
    try:
        file(place.work / "hog.py", script)
        said = place.run(f"{PYTHON} -S hog.py")
        # Ended for it, or refused the memory.
        assert not said.ok, said.content
    finally:
        place.close()


def test_shared_memory_does_not_outlive_its_command(place: Place) -> None:
    file(place.work / "hog.py", "import ctypes\nprint(ctypes.CDLL(None).shmget(0, 1 << 20, 0o1600))\n")
    place.run(f"{PYTHON} -S hog.py")
    assert place.run("wc -l < /proc/sysvipc/shm").content.strip() == "1"


def test_space_that_is_reserved_counts_as_written(tmp_path: Path) -> None:
    place = Place(tmp_path, limits=CommandLimits(disk_mb=64))
    try:
        said = place.run("fallocate -l 300M big; sleep 60")
        assert said.code == "limit", said.content
    finally:
        place.close()


def test_an_old_tmp_that_is_deep_does_not_stop_the_next_start(tmp_path: Path) -> None:
    place = Place(tmp_path)
    file(place.work / "deep.py", "import os\nos.chdir('/tmp')\nfor _ in range(3000):\n os.mkdir('d'); os.chdir('d')\n")
    place.run(f"{PYTHON} -S deep.py; touch -d '30 days ago' /tmp")
    place.close()
    try:
        # What the tool-worker does first when it starts.
        async def probed() -> None:
            await place.sandbox.probe()
            await place.sandbox.close()

        asyncio.run(probed())
    finally:
        subprocess.run(["rm", "-rf", str(tmp_path / "state")], check=True)


# Reading


def test_a_mask_stays_when_the_file_is_replaced(tmp_path: Path) -> None:
    secret = file(tmp_path / "home/miniconda3/.condarc", "CANARY-conda")
    place = Place(tmp_path)
    try:
        assert "CANARY" not in place.run(f"cat {secret}").content
        # As programs save: a new file, renamed over the old one.
        file(tmp_path / "home/miniconda3/new", "CANARY-conda").rename(secret)
        assert "CANARY" not in place.run(f"cat {secret}").content
    finally:
        place.close()


def test_a_mask_covers_what_is_made_later(tmp_path: Path) -> None:
    file(tmp_path / "home/miniconda3/bin/x")
    place = Place(tmp_path)
    try:
        place.run("true")
        secret = file(tmp_path / "home/miniconda3/.condarc", "CANARY-conda")
        assert "CANARY" not in place.run(f"cat {secret}").content
    finally:
        place.close()


@pytest.mark.parametrize(
    "name",
    [
        ".dotnet/corefx/cryptography/x509stores/my/key.pfx", ".config/yarn/global/.yarnrc.yml", ".m2/repository/settings.xml", "miniconda3/etc/.condarc",
        ".local/lib/x/.netrc", ".virtualenvs/p/pip.conf", "Android/Sdk/.android/adbkey", "R/.Renviron", ".local/share/gem/ruby/credentials",
    ],
)  # fmt: skip
def test_a_toolchain_shows_no_credentials(tmp_path: Path, name: str) -> None:
    secret = file(tmp_path / "home" / name, "CANARY-key")
    place = Place(tmp_path)
    try:
        assert "CANARY" not in place.run(f"cat {secret}").content
    finally:
        place.close()


@pytest.mark.parametrize("spelling", ["/.", "/bin/.."])
def test_a_path_that_names_the_home_shows_no_home(tmp_path: Path, spelling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home/bin").mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{tmp_path}/home{spelling}")
    place = Place(tmp_path)
    try:
        assert "CANARY" not in place.run(f"cat {place.home}/.ssh/id").content
    finally:
        place.close()


def test_a_home_as_workspace_hides_the_daemons_folders_that_lie_deeper(tmp_path: Path) -> None:
    place = Place(tmp_path, daemon_home="data/opta")
    try:
        assert "CANARY" not in place.run("cat data/opta/daemon/token", work=place.home).content
    finally:
        place.close()


def test_a_command_gives_no_program_to_a_server_with_secrets(place: Place) -> None:
    """An MCP server has the network and its own secrets; what npx and uvx run comes from the cache."""
    place.run("mkdir -p ~/.cache/npm/_npx/x; echo 'echo POISON $TOKEN' > ~/.cache/npm/_npx/x/server")
    read, write = os.pipe()

    async def served() -> int:
        order = CommandSpec(["/bin/sh", "-c", ". ~/.cache/npm/_npx/x/server"], {"PATH": os.defpath}, "m", ".", "on", {"TOKEN": "secret"})
        with open(os.devnull, "r+b") as null:  # noqa: ASYNC230 - a descriptor of /dev/null
            process = await place.sandbox.start(
                WorkspaceRef("mcp-x", str(place.work), is_read_only=True), order, (null.fileno(), write, write)
            )
        process.go()
        return await process.ended()

    place.wait(served())
    os.close(write)
    with open(read, "rb") as said:
        assert b"POISON" not in said.read()


def test_a_workspace_in_shared_memory_works(place: Place) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as work:
        assert place.run("echo alive", work=Path(work)).content == "alive"
