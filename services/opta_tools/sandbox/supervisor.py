"""The process inside a session's sandbox that starts the session's commands. It builds the sandbox once, then serves requests.

The worker starts it as `python -I -S` with one socket. It makes the namespaces and the file system (`builder`) and reports. Then it
starts each command in a separate process namespace, without capabilities and with the system call filter. It ends when the worker
closes its end of the socket, and the kernel then ends every process in the sandbox.

A request is one byte with descriptors: [request as JSON in a memory file, answer socket, ...]. Answers are JSON on that socket.
Imports the standard library and modules of this package only.
"""

import array
import contextlib
import json
import os
import select
import signal
import socket
import sys
from typing import Any

from . import init, linux
from .builder import BuildError, Root, mask, protect
from .temporary_files import TemporaryFiles

FILES_MAX = 16
_NAMESPACES = linux.CLONE_NEWUSER | linux.CLONE_NEWNS | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS | linux.CLONE_NEWNET | linux.CLONE_NEWPID


def main() -> None:
    """Build the sandbox and serve requests. The last word of the command line is the descriptor of the control socket."""
    control = socket.socket(fileno=int(sys.argv[-1]))
    try:
        request, files = _received(control)
    except EOFError:
        return  # a spare supervisor that was not used
    answers = socket.socket(fileno=files[0])
    try:
        supervisor = SandboxSupervisor(request)
        supervisor.build(request)
    except (BuildError, OSError) as error:
        _answer(answers, {"problem": _why(error)})
        sys.exit(1)
    _answer(answers, {"ok": True})
    answers.close()
    supervisor.serve(control)


class SandboxSupervisor:
    """Holds the namespaces of the sandbox. `plan`: see `view.plan`."""

    def __init__(self, plan: dict[str, Any]):
        self._program = bytes.fromhex(plan["seccomp"])
        self._trees: list[int] = []
        # Path, device and inode of the workspace, from which commands open their folder.
        self._workspace: list[Any] = []
        self._root = -1
        self._masked: dict[str, int] = {}
        self._protected: dict[tuple[int, str], tuple[int, list[Any]]] = {}
        self._networks: dict[str, int] = {}
        self._pid_namespace = -1
        self._temporary = TemporaryFiles([])

    def build(self, plan: dict[str, Any]) -> None:
        """Enter the namespaces and build the file system. Raises BuildError, OSError."""
        old = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        uid, gid = os.getuid(), os.getgid()
        linux.unshare(_NAMESPACES)
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w") as handle:
                handle.write(text)
        _become_first_process()
        with contextlib.suppress(OSError):
            linux.unshare(linux.CLONE_NEWCGROUP)
        # A name that /etc/hosts has, because programs resolve the name of their machine.
        socket.sethostname("localhost")
        linux.bring_up_loopback()
        linux.propagate(linux.MS_PRIVATE)
        # Paths of the machine are resolved from a descriptor of its root in this namespace, before a mount covers them.
        os.close(old)
        old = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        processes = linux.new_filesystem("proc", linux.MOUNT_ATTR_NOSUID | linux.MOUNT_ATTR_NODEV | linux.MOUNT_ATTR_NOEXEC)
        root = Root(old)
        root.devices()
        for entry in plan["entries"]:
            root.add(entry)
        root.add(["dir", "/proc"])
        root.add(["file", "/.empty", ""])
        target = os.open("proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=root.descriptor)
        linux.attach(processes, target)
        os.close(processes)
        os.close(target)
        os.close(old)
        linux.pivot_to(root.descriptor)
        os.close(root.descriptor)
        self._pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._networks["off"] = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        mask(self._root, plan["masks"], self._masked)
        self._trees = [os.open(tree, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC) for tree in plan["trees"]]
        self._workspace = [plan["trees"][0], *linux.identity(self._trees[0])]
        protect(self._trees, plan["controls"], self._protected)
        _make_read_only("/", "/dev", "/proc")
        # Shared, so that a later mount over a control file also reaches running commands.
        linux.propagate(linux.MS_SHARED)
        linux.prctl(linux.PR_SET_DUMPABLE, 0)
        linux.bound_capabilities()
        self._temporary = TemporaryFiles(plan["temporary"])

    def serve(self, control: socket.socket) -> None:
        """Answer requests until the worker closes the socket."""
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(woken, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        waiting = select.poll()
        waiting.register(control, select.POLLIN)
        waiting.register(woken, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in waiting.poll()]
            if woken in ready:
                with contextlib.suppress(OSError):
                    os.read(woken, 4096)
                _reap()
            if control.fileno() in ready:
                try:
                    request, files = _received(control)
                except EOFError:
                    return
                self._do(request, files)

    def _do(self, request: dict[str, Any], files: list[int]) -> None:
        answers = socket.socket(fileno=files[0])
        try:
            match request["do"]:
                case "run":
                    self._run(request, answers, files[1:])
                case "protect":
                    mask(self._root, request["masks"], self._masked)
                    protect(self._trees, request["controls"], self._protected)
                    _answer(answers, {"ok": True})
                case "temporary":
                    paths, count = self._temporary.changed()
                    _answer(answers, {"paths": paths, "count": count})
                case "network":
                    self._network(request["name"], request["port"], answers)
                case other:
                    _answer(answers, {"problem": f"unknown request {other}"})
        except (BuildError, OSError, ValueError, KeyError) as error:
            _answer(answers, {"problem": _why(error)})
        finally:
            answers.close()
            for descriptor in files[1:]:
                os.close(descriptor)

    def _run(self, request: dict[str, Any], answers: socket.socket, streams: list[int]) -> None:
        mask(self._root, request["masks"], self._masked)
        protect(self._trees, request["controls"], self._protected)
        linux.unshare(linux.CLONE_NEWPID)
        try:
            if os.fork() == 0:
                # The first process of the command's namespace; `init.run` never returns.
                network = self._networks[request["network"]] if request["network"] != "off" else -1
                init.run(request, answers, streams, self._workspace, network, self._program)
        finally:
            linux.setns(self._pid_namespace, linux.CLONE_NEWPID)

    def _network(self, name: str, port: int, answers: socket.socket) -> None:
        """Make a network namespace with one listening socket and pass the socket to the worker, whose proxy serves it."""
        if name in self._networks:
            raise BuildError(f"the network {name} exists already")
        before = self._networks["off"]
        linux.unshare(linux.CLONE_NEWNET)
        try:
            linux.bring_up_loopback()
            made = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
                listener.bind(("127.0.0.1", port))
                listener.listen(64)
                _answer(answers, {"ok": True}, [listener.fileno()])
            self._networks[name] = made
        finally:
            linux.setns(before, linux.CLONE_NEWNET)


def _make_read_only(*paths: str) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        linux.restrict_mount(descriptor, linux.MOUNT_ATTR_RDONLY)
        os.close(descriptor)


def _become_first_process() -> None:
    """Fork: the child is the first process of the new process namespace; this process waits for it and returns its exit code."""
    child = os.fork()
    if child:
        signal.signal(signal.SIGTERM, lambda number, frame: os.kill(child, signal.SIGKILL))
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _received(control: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """(request, its further descriptors). Raises EOFError when the worker has closed the socket."""
    size = array.array("i").itemsize
    data, ancillary, _, _ = control.recvmsg(1, socket.CMSG_SPACE(FILES_MAX * size))
    if not data:
        raise EOFError
    files = array.array("i")
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            files.frombytes(content[: len(content) - len(content) % size])
    with open(files[0], "rb") as handle:
        request = json.loads(handle.read())
    return request, list(files[1:])


def _answer(answers: socket.socket, content: dict[str, Any], files: list[int] | None = None) -> None:
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
    with contextlib.suppress(OSError):
        answers.sendmsg([json.dumps(content).encode()], rights)


def _why(error: Exception) -> str:
    return f"{error.strerror or error}" if isinstance(error, OSError) else str(error)


if __name__ == "__main__":
    main()
