"""Files of a folder that tell agents what to do there."""

import os

# The first of them that a folder has, and that holds text, is its instructions.
INSTRUCTION_FILES = ("AGENTS.md", "CLAUDE.md")


def are_any(folder: str) -> bool:
    """Whether a folder has an entry of such a name, of whatever kind. True where that cannot be seen."""
    for name in INSTRUCTION_FILES:
        try:
            os.lstat(f"{folder}/{name}")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, ValueError):
            pass
        return True
    return False
