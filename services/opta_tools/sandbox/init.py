"""The first process of one contained command: it starts the command, reaps orphaned processes, and reports how the command ended.

It is process 1 of the command's process namespace, so that the kernel ends everything that the command started when it ends. The command
runs when the worker allows it, after the worker has recorded the process id that arrives with the first answer.
Imports the standard library and modules of this package only.
"""

import contextlib
import errno
import json
import os
import resource
import signal
import socket
from typing import Any, NoReturn

from . import linux

# Since this kernel version, pid_max belongs to the process namespace, so it limits the number of processes.
_PID_MAX_BY_NAMESPACE = (6, 14)
# After pid_max, process ids continue from this number, so a lower limit would leave none.
_RESERVED = 300
_GO = b"go"


def run(
    request: dict[str, Any], answers: socket.socket, streams: list[int], workspace: list[Any], network: int, program: bytes
) -> NoReturn:
    """Act as the command's first process; never returns. `streams`: the command's descriptors 0, 1 and 2; `workspace`: path, device, inode."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        linux.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWIPC)
        linux.propagate(linux.MS_SLAVE)
        _mount_processes(request["limits"])
        folder = _folder(request["folder"], workspace)
        if network >= 0:
            linux.setns(network, linux.CLONE_NEWNET)
        _report(answers, {"ready": True})
        if answers.recv(len(_GO)) == _GO:
            _report(answers, _to_its_end(request, answers, streams, folder, program))
        code = 0
    except OSError as error:
        _report(answers, {"problem": error.strerror or str(error)})
    finally:
        os._exit(code)


def _to_its_end(request: dict[str, Any], answers: socket.socket, streams: list[int], folder: int, program: bytes) -> dict[str, Any]:
    """Run the command to its end. Returns {"status": exit code, or minus the signal} or {"problem": why it could not start}."""
    failed, fails = os.pipe()
    child = os.fork()
    if child == 0:
        _become(request, streams, folder, program, fails)
    for descriptor in (*streams, folder, fails):
        os.close(descriptor)
    with open(failed, "rb") as handle:
        if problem := handle.read():
            return {"problem": problem.decode(errors="replace")}
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            return {"status": os.waitstatus_to_exitcode(status)}


def _become(request: dict[str, Any], streams: list[int], folder: int, program: bytes, fails: int) -> NoReturn:
    """Give up every privilege and execute the command. `fails` is a pipe that execve closes, or that receives the reason of a failure."""
    try:
        os.setsid()
        os.fchdir(folder)
        # Moved to high numbers, so that none is overwritten by descriptors 0 to 2 before it is copied.
        fails = _above(fails)
        copies = [_above(stream) for stream in streams]
        for number, stream in enumerate(copies):
            os.dup2(stream, number)
        os.closerange(3, fails)
        os.closerange(fails + 1, 1 << 16)
        os.umask(0o022)
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as handle:
            handle.write("800")
        for name, value in request["limits"].get("resources", {}).items():
            _limit(getattr(resource, name), value)
        linux.drop_capabilities()
        linux.filter_calls(program)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        argv, environment = request["argv"], request["environment"]
        os.execvpe(argv[0], argv, environment)
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or str(error)
        os.write(fails, why.encode())
    os._exit(127)


def _folder(path: str | None, workspace: list[Any]) -> int:
    """A descriptor of the folder that the command starts in: relative to the workspace, or `/` for None.

    Opened in this mount namespace, because from a descriptor of another one, `..` would lead to the other one's /proc.
    """
    if path is None:
        return os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    tree = linux.openat2(root, workspace[0].lstrip("/"), os.O_PATH | os.O_DIRECTORY, linux.RESOLVE_NO_SYMLINKS | linux.RESOLVE_BENEATH)
    os.close(root)
    try:
        if linux.identity(tree) != workspace[1:]:
            raise OSError(errno.ESTALE, "another folder is mounted at the path of the workspace")
        return linux.openat2(tree, path or ".", os.O_RDONLY | os.O_DIRECTORY, linux.RESOLVE_BENEATH | linux.RESOLVE_NO_MAGICLINKS)
    finally:
        os.close(tree)


def _mount_processes(limits: dict[str, Any]) -> None:
    """Mount a read-only /proc of this process namespace, and set the namespaces' limits on process ids and shared memory."""
    tree = linux.new_filesystem("proc", linux.MOUNT_ATTR_NOSUID | linux.MOUNT_ATTR_NODEV | linux.MOUNT_ATTR_NOEXEC)
    if limits.get("processes") and tuple(int(part) for part in os.uname().release.split(".")[:2]) >= _PID_MAX_BY_NAMESPACE:
        _set(tree, "sys/kernel/pid_max", limits["processes"] + _RESERVED)
    if memory := limits.get("resources", {}).get("RLIMIT_DATA"):
        _set(tree, "sys/kernel/shmall", memory // 4096)
    linux.restrict_tree(tree, linux.MOUNT_ATTR_RDONLY)
    target = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    linux.attach(tree, target)
    os.close(tree)
    os.close(target)


def _set(processes: int, name: str, value: int) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(name, os.O_WRONLY | os.O_CLOEXEC, dir_fd=processes)
        os.write(descriptor, str(value).encode())
        os.close(descriptor)


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def _above(descriptor: int) -> int:
    import fcntl

    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 64)


def _report(answers: socket.socket, content: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        answers.send(json.dumps(content).encode())
