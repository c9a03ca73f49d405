"""The tools of the built-in browser server. The server sends their descriptions and arguments; risk, label and question are here."""

from ..permissions import Risk
from .tool import AnyTool, Tool

# Name of the built-in server. Its tools have no server prefix, and no server of a user may have this name.
BROWSER_SERVER = "peekaboo"


def _tool(name: str, risk: Risk, label: str, question: str, subject: str = "") -> AnyTool:
    return Tool(name=name, description="", risk=risk, kind="browse", label=label, question=question, subject=subject, offered="server")


BROWSER_TOOLS: tuple[AnyTool, ...] = (
    _tool("browser_navigate", Risk.network, "Open", "Open a page?", "url"),
    _tool("browser_back", Risk.network, "Go back", "Go back to the page before?"),
    _tool("browser_wait", Risk.read, "Wait", "Wait for the page?"),
    _tool("browser_snapshot", Risk.read, "Look", "Read the page?"),
    _tool("browser_screenshot", Risk.read, "Picture", "Take a picture of the page?"),
    _tool("browser_extract", Risk.read, "Read page", "Read the text of the page?"),
    _tool("browser_console", Risk.read, "Console", "Read the console of the page?"),
    _tool("browser_network", Risk.read, "Network", "List the requests of the page?"),
    _tool("browser_click", Risk.network, "Click", "Click in the page?"),
    _tool("browser_type", Risk.network, "Type", "Type into the page?"),
    _tool("browser_fill_form", Risk.network, "Fill in", "Fill in a form?"),
    _tool("browser_select", Risk.network, "Select", "Choose from a list in the page?"),
    _tool("browser_press", Risk.network, "Press", "Press a key in the page?"),
    _tool("browser_evaluate", Risk.execute, "Run in page", "Run JavaScript in the page?", "script"),
)
