"""`ops/compose-test`: builds the images of docker-compose.yml, starts the containers, and runs tests/compose across them.

    ops/compose-test [--base IMAGE] [--previous COMMIT] [--keep] [--clean] [-- PYTEST ARGUMENTS]

Afterwards no container, network, volume or image of the run is left, except for the base image, which the next run uses. `--keep` also
keeps the images of the run; `--clean` removes the base image too.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import compose_images
from docker_engine import DockerEngine, NoEngine, engine, why_not

ROOT = Path(__file__).parent.parent
# The last commit before the containers were separate: what an upgrade starts from.
PREVIOUS = "3286e6b3a17ccca521fe8429462a5bc2393c4f24"
TAG, OLDER_TAG = "compose-test", "compose-test-previous"
PROJECTS = ("opta-compose-test", "opta-compose-test-upgrade")
TEST_S, TESTS_S = 900, 3600
# Exit code when nothing ran because there is no engine.
NOT_RUN = 4


def main(arguments: list[str]) -> int:
    """Run the whole; the exit code."""
    options, more = _parsed(arguments)
    try:
        with engine() as running:
            return _run(running, options, more)
    except NoEngine as reason:
        print(f"opta: the compose tests were not run: {reason}", file=sys.stderr)
        return NOT_RUN


def not_run(is_wanted: bool) -> str:
    """Why `./opta test` does not run them here, for its summary; '' when it does."""
    if not is_wanted:
        return "ask for them: ./opta test --compose, or OPTA_TEST_COMPOSE=1"
    return why_not()


def _parsed(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="ops/compose-test", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--base", default="", metavar="IMAGE", help="the base of all images, pulled if it is not here (default: one is made)"
    )
    parser.add_argument("--previous", default=PREVIOUS, metavar="COMMIT", help="the release that the upgrade starts from")
    parser.add_argument("--keep", action="store_true", help="keep the images of this run, for a faster next one")
    parser.add_argument("--clean", action="store_true", help="afterwards remove the base image and the fetched packages, too")
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return parser.parse_args(arguments[:at]), arguments[at + 1 :]


def _run(running: DockerEngine, options: argparse.Namespace, more: list[str]) -> int:
    print(f"engine: {'started for this run' if running.is_ours else 'the one that runs here'}", flush=True)
    _remove_containers(running)
    try:
        with _step("base image", lambda: f"{running.image_mb(base.image):.0f} MB"):
            base = compose_images.Base(options.base) if options.base else compose_images.local_base(running)
        for role in compose_images.ROLES:
            with _step(f"image opta-{role}", lambda role=role: f"{running.image_mb(f'opta-{role}:{TAG}'):.0f} MB"):
                compose_images.build(running, base, ROOT, TAG, role)
        with _step("image opta-tools"):
            tools = ROOT / "tests" / "compose"
            running.run("build", "-q", "-f", str(tools / "tools.Dockerfile"), "-t", f"opta-tools:{TAG}", *base.arguments[:2], str(tools))
        with _step("image of the previous release"):
            reason = compose_images.build_older(running, base, options.previous, OLDER_TAG, "daemon")
        if reason:
            print(f"  not run: the upgrade ({reason})")
        environment = {
            **running.environment, "OPTA_TAG": TAG, "OPTA_COMPOSE_OLDER": "" if reason else OLDER_TAG, "OPTA_COMPOSE_ENGINE": "1",
        }  # fmt: skip
        with _step("tests"):
            command = [
                sys.executable,
                "-m",
                "pytest",
                "-o",
                "console_output_style=classic",
                "--durations=15",
                f"--timeout={TEST_S}",
                "tests/compose",
                *more,
            ]
            return subprocess.run(command, cwd=ROOT, env=environment, timeout=TESTS_S, check=False).returncode
    finally:
        with _step("clean up"):
            _remove_containers(running)
            if not options.keep:
                compose_images.remove(running, (TAG, OLDER_TAG), with_base=options.clean)


def _remove_containers(running: DockerEngine) -> None:
    """Remove what a run made, or what one that was killed left."""
    for project in PROJECTS:
        label = ("--filter", f"label=com.docker.compose.project={project}", "-q")
        for kind, listed, removed in (
            ("container", ("ls", "-a"), ("rm", "-f", "-v")),
            ("network", ("ls",), ("rm",)),
            ("volume", ("ls",), ("rm", "-f")),
        ):
            found = running.run(kind, *listed, *label).stdout.split()
            if found:
                running.run(kind, *removed, *found, check=False)


@contextmanager
def _step(name: str, figure: Callable[[], str] = lambda: "") -> Iterator[None]:
    started = time.monotonic()
    yield
    shown = figure()
    print(f"✓ {name} ({time.monotonic() - started:.1f} s{', ' + shown if shown else ''})", flush=True)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
