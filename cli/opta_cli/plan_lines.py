"""The model's to-do list on a terminal: whole when it is new, and then only what has changed."""

MARKS = {"open": "○", "doing": "●", "done": "✓"}


def changed(before: list[dict[str, str]], now: list[dict[str, str]]) -> list[str]:
    """The lines to print when the list was `before` and is `now`."""
    done = sum(item.get("state") == "done" for item in now)
    head = f"Plan: {done} of {len(now)} done"
    if [item.get("text") for item in before] != [item.get("text") for item in now]:
        shown = now
    else:
        shown = [item for item, former in zip(now, before, strict=True) if item != former]
    return [head, *(f"  {MARKS.get(item.get('state', ''), '○')} {item.get('text', '')}" for item in shown)] if shown else []
