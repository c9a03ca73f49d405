"""Real clients, unchanged, against an LMX with the probe model: `python bench/clients/run.py SCRATCH [--url URL]`.

Installs the clients into the folder SCRATCH, outside the repository, with pip and npm (several minutes and gigabytes the first time), starts an
LMX unless `--url` names one, and prints what each client could do. The agents run in a home of their own in SCRATCH.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), *(str(ROOT / folder) for folder in ("shared", "services", "lmx", "cli", "desktop"))]
FOR_PYTHON = [
    "openai", "anthropic", "litellm", "langchain-openai", "langchain-ollama", "llama-index-llms-openai-like", "instructor", "pydantic-ai-slim[openai]",
    "smolagents[openai]", "llm", "ollama",
]  # fmt: skip
FOR_NODE = [
    "@openai/codex", "@anthropic-ai/claude-code", "opencode-ai", "@mariozechner/pi-coding-agent", "@qwen-code/qwen-code", "ai", "@ai-sdk/openai-compatible",
    "@ai-sdk/openai", "@ai-sdk/anthropic", "ollama", "openai", "@anthropic-ai/sdk", "zod",
]  # fmt: skip
ASKED, AGENT_S, INSTALL_S = "What is 2+2?", 120, 1800


def main() -> int:
    """Install, run, print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("scratch", type=Path)
    arguments.add_argument("--url", default="")
    given = arguments.parse_args()
    scratch: Path = given.scratch.resolve()
    if scratch.is_relative_to(ROOT):
        arguments.error("SCRATCH must be outside the repository")
    python = install_python(scratch)
    install_node(scratch)
    with contextlib.nullcontext(given.url) if given.url else started_lmx(scratch) as url:
        failed = subprocess.run([python, ROOT / "bench/clients/python_clients.py", url, "probe"], check=False, cwd=scratch).returncode
        # Node finds packages beside the script.
        script = scratch / "node_clients.mjs"
        script.write_bytes((ROOT / "bench/clients/node_clients.mjs").read_bytes())
        failed |= subprocess.run(["node", script, url, "probe"], check=False, cwd=scratch).returncode
        return failed | max(run_agent(name, scratch, url) for name in AGENTS)


def install_python(scratch: Path) -> Path:
    """A virtual environment with the Python clients; returns its interpreter."""
    folder = scratch / "python"
    if not folder.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin/pip", "install", "-q", *FOR_PYTHON], check=True, timeout=INSTALL_S)
    return folder / "bin/python"


def install_node(scratch: Path) -> None:
    """The clients of node in SCRATCH."""
    if not (scratch / "node_modules").exists():
        (scratch / "package.json").write_text("{}")
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", *FOR_NODE], check=True, timeout=INSTALL_S, cwd=scratch)


@contextlib.contextmanager
def started_lmx(scratch: Path) -> Iterator[str]:
    """An LMX of its own home; yields its address."""
    from support.lmx import lmx, port_of

    with lmx(scratch / "home") as daemon:
        yield f"http://127.0.0.1:{port_of(daemon)}"


def codex(home: Path, url: str) -> tuple[list[str], dict[str, str]]:
    """codex by a provider of its configuration."""
    write(
        home / ".codex/config.toml",
        f'model = "probe"\nmodel_provider = "lmx"\n[model_providers.lmx]\nname = "LMX"\nbase_url = "{url}/v1"\nwire_api = "responses"\n',
    )
    return ["codex", "exec", "--skip-git-repo-check", ASKED], {}


def claude(home: Path, url: str) -> tuple[list[str], dict[str, str]]:
    """Claude Code by its environment."""
    quiet = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}
    return ["claude", "-p", ASKED, "--model", "probe"], {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_AUTH_TOKEN": "none", **quiet}


def opencode(home: Path, url: str) -> tuple[list[str], dict[str, str]]:
    """opencode by its configuration."""
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "LMX",
        "options": {"baseURL": f"{url}/v1"},
        "models": {"probe": {"name": "probe"}},
    }
    write(home / ".config/opencode/opencode.json", json.dumps({"provider": {"lmx": provider}}))
    return ["opencode", "run", "-m", "lmx/probe", ASKED], {}


def pi(home: Path, url: str) -> tuple[list[str], dict[str, str]]:
    """pi by its models file."""
    model = {"id": "probe", "name": "probe", "reasoning": False, "input": ["text"], "contextWindow": 4096, "maxTokens": 1000,
             "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}}  # fmt: skip
    provider = {"baseUrl": f"{url}/v1", "api": "openai-completions", "apiKey": "none", "models": [model]}
    write(home / ".pi/agent/models.json", json.dumps({"providers": {"lmx": provider}}))
    return ["pi", "-p", "--provider", "lmx", "--model", "probe", ASKED], {}


def qwen(home: Path, url: str) -> tuple[list[str], dict[str, str]]:
    """qwen-code by its environment."""
    return ["qwen", "-p", ASKED, "--auth-type", "openai"], {
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_MODEL": "probe",
    }


AGENTS = {each.__name__: each for each in (codex, claude, opencode, pi, qwen)}


def run_agent(name: str, scratch: Path, url: str) -> int:
    """One question to an agent; 0 when it ended well with an answer."""
    home, folder = scratch / "agents" / name, scratch / "agents" / name / "project"
    folder.mkdir(parents=True, exist_ok=True)
    command, environment = AGENTS[name](home, url)
    program = scratch / "node_modules/.bin" / command[0]
    known = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), **environment}
    try:
        done = subprocess.run(
            [program, *command[1:]],
            env=known,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=AGENT_S,
            check=False,
        )
        is_good, said = done.returncode == 0 and bool(done.stdout.strip()), done.stdout.strip()[-80:] or done.stderr.strip()[-200:]
    except subprocess.TimeoutExpired:
        is_good, said = False, f"no end after {AGENT_S} s"
    print(f"{name}: {'passed' if is_good else 'FAILED'}: {said!r}", flush=True)
    return 0 if is_good else 1


def write(file: Path, text: str) -> None:
    """A configuration in the agents' home."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


if __name__ == "__main__":
    sys.exit(main())
