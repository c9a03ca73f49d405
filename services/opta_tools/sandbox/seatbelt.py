"""macOS: the profile for sandbox-exec. Paths are parameters (`-D`), never text of the profile; denies come after allows.

Reference: sandbox-exec(1) and the profiles in /System/Library/Sandbox/Profiles. Written and tested as text on Linux; not run here.
"""

from .profile import Profile, control_paths

PROGRAM = "/usr/bin/sandbox-exec"

_BASE = """\
(version 1)
(deny default)
(allow process-exec) (allow process-fork) (allow signal (target same-sandbox))
(allow sysctl-read) (allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))
(allow mach-lookup (global-name "com.apple.SecurityServer")) (allow ipc-posix-shm-read* (ipc-posix-name "apple.shm.notification_center"))
(allow file-read*)
(allow file-write-data (literal "/dev/null") (literal "/dev/zero") (literal "/dev/dtracehelper") (literal "/dev/tty"))
(allow file-ioctl (literal "/dev/tty"))
(allow file-write* (subpath (param "WORKSPACE")))
(allow file-write* (subpath (param "SCRATCH")))
"""


def arguments(profile: Profile, scratch: str) -> list[str]:
    """What comes before the command. `scratch`: a folder for temporary files of this command alone."""
    parameters = {"WORKSPACE": profile.workspace, "SCRATCH": scratch}
    text = _BASE
    if profile.cache:
        parameters["CACHE"] = profile.cache
        text += '(allow file-write* (subpath (param "CACHE")))\n'
    if profile.network == "on":
        text += "(allow network*)\n"
    elif profile.network == "list":
        parameters["PROXY"] = f"localhost:{profile.proxy_port}"
        text += '(allow network-outbound (remote ip (param "PROXY")))\n'
    text += "(deny network* (remote unix-socket))\n"
    there, missing = control_paths(profile.workspace)
    for number, path in enumerate([*there, *missing]):
        parameters[f"CONTROL{number}"] = path
        text += f'(deny file-write* (subpath (param "CONTROL{number}")))\n'
    for number, path in enumerate(profile.hidden):
        parameters[f"HIDDEN{number}"] = path
        text += f'(deny file-read* file-write* (subpath (param "HIDDEN{number}")))\n'
    # Moving .git away would move what protects it.
    parameters["GIT"] = f"{profile.workspace}/.git"
    text += '(deny file-write-unlink (literal (param "GIT")))\n'
    definitions = [word for name, value in parameters.items() for word in ("-D", f"{name}={value}")]
    return [PROGRAM, "-p", text, *definitions, "--"]
