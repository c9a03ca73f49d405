"""Keeps the page's lock file free of addresses: `python ops/lock_page.py` after an `npm install`."""

import json
from pathlib import Path

LOCK = Path(__file__).parent.parent / "desktop/web/package-lock.json"

if __name__ == "__main__":
    lock = json.loads(LOCK.read_text())
    for package in lock["packages"].values():
        package.pop("funding", None)
        package.pop("resolved", None)
    LOCK.write_text(json.dumps(lock, indent=2) + "\n")
