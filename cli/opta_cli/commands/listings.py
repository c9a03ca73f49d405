"""opta skills and opta hooks: what the user added to the agent, and what of it cannot be used."""

import argparse
import os
import shlex
import sys
from pathlib import Path

import msgspec

from opta_core import skills
from opta_core.hook_settings import find_program, missing_program
from opta_core.settings import LoadedSettings, environment

from ..plain_text import print_line, print_plain


def list_skills(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta skills list"""
    found = skills.find(loaded.paths, str(Path(args.cwd or ".").absolute()))
    if args.json:
        print_plain(msgspec.json.encode({"skills": found.skills, "problems": found.problems}).decode())
        return 0
    for skill in found.skills:
        kept = "" if skill.is_listed else "  (not listed for models)"
        print_line(f"{skill.name:24} {skill.origin:8} {skill.description[:120]}{kept}")
        print_line(f"{'':24} {skill.path}")
    for problem in found.problems:
        print_line(f"opta: {problem}", sys.stderr)
    if not found.skills:
        print_line(
            f"No skills. Add one as {loaded.paths.skills}/NAME/SKILL.md, or as .opta/skills/NAME/SKILL.md of a folder that you trust.",
            sys.stderr,
        )
    return 0


def list_hooks(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta hooks list"""
    folder, search_path = loaded.paths.hooks, environment().get("PATH", os.defpath)
    if args.json:
        print_plain(msgspec.json.encode({"hooks": loaded.settings.hooks}).decode())
        return 0
    for hook in loaded.settings.hooks:
        fails = "goes on when it fails" if hook.is_open else "stops the call when it fails"
        print_line(
            f"{hook.title:16} {hook.on:12} {' '.join(hook.tools) or '-':24} {shlex.join(hook.command)}  ({hook.timeout_s:g} s, {fails})"
        )
        if not find_program(hook.command[0], folder, search_path):
            print_line(f"opta: {hook.title}: {missing_program(hook.command[0], folder)}", sys.stderr)
    if not loaded.settings.hooks:
        print_line(f"No hooks. Add [[hooks]] to {loaded.paths.config}; docs/extensions.md says how.", sys.stderr)
    return 0
