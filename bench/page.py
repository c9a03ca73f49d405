"""The page docs/benchmarks.md: a measurement replaces the figures on it and nothing else."""

import re

HEAD = """\
# Benchmarks

The first table is written by `./opta dev bench --write`. A scripted model server on loopback answers, so only the daemon is measured. Bars
and the figures of comparable systems have the same unit. Ratios within one run can be compared between machines; times cannot.
"""
LMX = "## LMX beside mlx_lm.server\n"


def renewed(page: str, figures: str, lmx: str = "") -> str:
    """The page with new `figures` (the text before its first section) and, when `lmx` is given, that text as the section of LMX."""
    first, *rest = re.split(r"^(?=## )", page, flags=re.MULTILINE)
    assert first.startswith("# "), "the page has lost its title"
    if lmx:
        rest = [f"{LMX}\n{lmx}\n", *(section for section in rest if not section.startswith(LMX))]
    return "".join([f"{HEAD}\n{figures}\n", *rest])
