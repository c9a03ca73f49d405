"""The argument list for bubblewrap: a read-only machine, a writable workspace whose control files stay as they are."""

import os

from opta_core.system_programs import find

from .profile import Profile, control_paths, repositories


def arguments(profile: Profile, seccomp_fd: int, env: dict[str, str]) -> list[str]:
    """What comes before the command. With the network "list" its namespace is made by whoever starts bwrap.

    Order matters: a later mount lies over an earlier one, and the workspace may lie beneath /tmp.
    """
    words = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--cap-drop", "ALL"]
    if profile.network == "off":
        words.append("--unshare-net")
    words += ["--die-with-parent", "--new-session", "--hostname", "opta"]
    words += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/var/tmp", "--tmpfs", "/run"]
    if profile.network != "off":
        words += ["--ro-bind-try", "/run/systemd/resolve", "/run/systemd/resolve"]
    if profile.home.startswith(("/tmp/", "/var/tmp/", "/run/")):
        # A home in an unusual place is read like any other.
        words += ["--ro-bind", profile.home, profile.home]
    for path in profile.hidden:
        words += _emptied(path)
    if profile.cache:
        words += ["--bind", profile.cache, profile.cache]
    if profile.is_read_only:
        words += ["--ro-bind", profile.workspace, profile.workspace]
    else:
        words += ["--bind", profile.workspace, profile.workspace]
        for git in repositories(profile.workspace):
            # A mount of its own, so that the folder cannot be moved away and made anew with other hooks.
            words += ["--bind", git, git]
        for path in control_paths(profile.workspace)[0]:
            words += ["--ro-bind", path, path]
    # The workspace itself may hold what is hidden (a home as workspace).
    for path in profile.hidden:
        if path.startswith(profile.workspace.rstrip("/") + "/"):
            words += _emptied(path)
    for name, value in env.items():
        words += ["--setenv", name, value]
    words += ["--seccomp", str(seccomp_fd)]
    return [find("bwrap") or "bwrap", *words, "--chdir", profile.folder, "--"]


def _emptied(path: str) -> list[str]:
    if os.path.islink(path):
        path = os.path.realpath(path)
    if os.path.isdir(path):
        return ["--tmpfs", path]
    return ["--ro-bind", "/dev/null", path] if os.path.exists(path) else []
