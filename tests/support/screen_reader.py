"""The page as a screen reader has it, and without a mouse: what the browser's accessibility tree says of the element with the focus."""

import re
from typing import Any

from playwright.sync_api import Page

from support.oracles import until

# More stops than any surface of the page has.
STOPS_MAX = 90
# Properties that are read out behind role and name.
_NOWHERE = "none"
_STATES = ("expanded", "checked", "pressed", "disabled", "selected", "invalid", "hasPopup")


class ScreenReader:
    """Moves the focus with keys only, and says what stands there: "button Allow once", "textbox Message: a draft"."""

    def __init__(self, page: Page):
        self._page = page
        self._devtools: Any = page.context.new_cdp_session(page)
        self.heard: list[str] = []

    def focused(self) -> str:
        """What is said of the element with the focus, or of the one that it points at: an option of a list stays outside of the focus."""
        target = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant')) ?? document.activeElement"
        found = self._devtools.send("Runtime.evaluate", {"expression": target})["result"]
        # What had the focus a moment ago may be gone: it is looked at once.
        if found["className"] == "HTMLBodyElement":
            return _NOWHERE
        (node, *_) = self._devtools.send("Accessibility.getPartialAXTree", {"objectId": found["objectId"], "fetchRelatives": False})[
            "nodes"
        ]
        return _said(node)

    def has_focus(self) -> bool:
        """Whether anything of the page has the focus, once what went away is gone."""
        return until(lambda: self.focused() not in (_NOWHERE, "RootWebArea"), 5)

    def tree(self) -> list[str]:
        """Everything that is said of the page, in its order."""
        nodes = self._devtools.send("Accessibility.getFullAXTree")["nodes"]
        return [_said(node) for node in nodes if not node["ignored"] and _text(node, "role") not in ("StaticText", "InlineTextBox")]

    def reach(self, wanted: str, *, key: str = "Tab") -> str:
        """Press a key until `wanted` (a pattern) is what the focus is on; what is said of it then."""
        seen: list[str] = []
        for _ in range(STOPS_MAX):
            self._page.keyboard.press(key)
            seen.append(self.focused())
            # The ends of a popup pass the focus on; nobody stays there.
            if key.endswith("Tab") and not self._page.evaluate("document.activeElement.hasAttribute('data-base-ui-focus-guard')"):
                # What has no name is found again by what it is.
                bare = self._page.evaluate("document.activeElement.outerHTML.slice(0, 160)") if seen[-1] == "generic" else ""
                self.heard.append(" ".join(filter(None, (seen[-1], bare))))
            if re.search(wanted, seen[-1]):
                return seen[-1]
        raise AssertionError(f"{wanted} is not reached with {key}: {seen}")

    def press(self, wanted: str, *, key: str = "Tab", by: str = "Enter") -> None:
        """Reach it and press it."""
        self.reach(wanted, key=key)
        self._page.keyboard.press(by)

    def unnamed(self) -> list[str]:
        """Stops of the Tab key without a name, or whose role says nothing."""
        # Behind the last stop the focus is with the browser, and the page has none.
        return [said for said in self.heard if said != _NOWHERE and (not said.partition(" ")[2] or said.startswith("generic"))]


def _said(node: dict[str, Any]) -> str:
    states = {each["name"]: each["value"].get("value") for each in node.get("properties", [])}
    read = [f"{name}={str(states[name]).lower()}" for name in _STATES if states.get(name) not in (None, False, "false")]
    value = _text(node, "value")
    return (
        " ".join(filter(None, [_text(node, "role"), _text(node, "name")]))
        + (f": {value}" if value else "")
        + "".join(f" [{each}]" for each in read)
    )


def _text(node: dict[str, Any], field: str) -> str:
    return re.sub(r"\s+", " ", str(node.get(field, {}).get("value", ""))).strip()
