"""Whether JSON lands: every schema of the tests, three sampling settings, several token limits, with a model folder of choice.

    .venv/bin/python bench/landing.py FOLDER [NAME OF A SCHEMA ...]

It prints a line for each answer that does not parse, or does not validate although the shortest value fits, and the totals.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / name) for name in ("lmx", "shared", "tests")]

from support.openblas import load_openblas  # noqa: E402

from opta_lmx.engine import deferred_packages  # noqa: E402

load_openblas(threads=os.cpu_count() or 1)
deferred_packages.defer()

from jsonschema.validators import validator_for  # noqa: E402
from support.landing_schemas import CASES, REPORTED, Case  # noqa: E402
from support.served import Served  # noqa: E402

SAMPLING: dict[str, dict[str, Any]] = {
    "greedy": {},
    "temperature 1": {"temperature": 1.0, "seed": 1},
    "temperature 1.5, top_p 0.95": {"temperature": 1.5, "top_p": 0.95, "seed": 2},
}
SIZES = (8, 24, 64, 200)


def main() -> None:
    served, names = Served(Path(sys.argv[1])), sys.argv[2:]
    totals = {"answers": 0, "parse": 0, "fit": 0, "fit and validate": 0, "tokens": 0}
    started = time.monotonic()
    for case in (case for case in [*CASES, *REPORTED] if not names or case.name in names):
        for line in outcomes(served, case, totals):
            print(line, flush=True)
        print(f"{case.name}: {json.dumps(totals)}", flush=True)
    print(json.dumps(totals), f"{time.monotonic() - started:.0f} s")


def outcomes(served: Served, case: Case, totals: dict[str, int]) -> list[str]:
    """Ask for a value of one schema in every setting, and count; the faults in words."""
    least = len(served.tokens(case.text))
    asked = [{"role": "user", "content": f"Give an example of this JSON schema: {json.dumps(case.schema)[:800]}"}]
    settings = [(name, size) for name in SAMPLING for size in SIZES]
    orders = [{"messages": asked, "schema": case.schema, "max_tokens": size, **SAMPLING[name]} for name, size in settings]
    lines: list[str] = []
    for (name, size), (text, _, end) in zip(settings, served.ask(*orders), strict=True):
        fault = fault_of(case, text, end, is_fitting=least <= size)
        totals["answers"] += 1
        totals["parse"] += fault != "does not parse"
        totals["fit"] += least <= size
        totals["fit and validate"] += least <= size and not fault
        totals["tokens"] += getattr(end, "completion_tokens", 0)
        if fault:
            lines.append(f"{case.name}, {name}, {size} tokens (least {least}): {fault}: {text[:160]!r} {end}")
    return lines


def fault_of(case: Case, text: str, end: Any, *, is_fitting: bool) -> str:
    """What is wrong with one answer; '' when nothing is."""
    try:
        value = json.loads(text)
    except ValueError:
        return "does not parse"
    validator: Any = validator_for(case.schema)
    is_valid = validator(case.schema).is_valid(value)
    if is_fitting:
        return "" if is_valid else "does not validate"
    return "" if is_valid or end.finish == "length" else "is not said to be cut"


if __name__ == "__main__":
    main()
