"""The tools of the built-in browser server, declared like every other tool: they are known before a browser starts."""

from ..permissions import Risk
from .tool import AnyTool, Arguments, Tool

# Name of the built-in server. Its tools have no server prefix, and no server of a user may have this name.
BROWSER_SERVER = "peekaboo"


class NoArguments(Arguments, frozen=True, kw_only=True):
    """A tool without arguments."""


class Navigate(Arguments, frozen=True, kw_only=True):
    """Arguments of browser_navigate."""

    url: str


class Wait(Arguments, frozen=True, kw_only=True):
    """Arguments of browser_wait."""

    text: str = ""
    seconds: float = 2.0


class Screenshot(Arguments, frozen=True, kw_only=True):
    """Arguments of browser_screenshot."""

    full: bool = False


class Extract(Arguments, frozen=True, kw_only=True):
    """Arguments of browser_extract."""

    selector: str = ""


class Click(Arguments, frozen=True, kw_only=True):
    """Arguments of browser_click."""

    selector: str = ""
    ref: str = ""


class TypeText(Arguments, frozen=True, kw_only=True):
    """Arguments of browser_type."""

    text: str
    selector: str = ""
    ref: str = ""
    submit: bool = False


class FormFieldValue(Arguments, frozen=True, kw_only=True):
    """One field of a form."""

    value: str
    selector: str = ""
    ref: str = ""


class FillForm(Arguments, frozen=True, kw_only=True):
    """Arguments of browser_fill_form."""

    fields: list[FormFieldValue] | None = None
    selector: str = ""
    ref: str = ""
    value: str = ""


class Select(Arguments, frozen=True, kw_only=True):
    """Arguments of browser_select."""

    values: list[str]
    selector: str = ""
    ref: str = ""


class Press(Arguments, frozen=True, kw_only=True):
    """Arguments of browser_press."""

    key: str


class Evaluate(Arguments, frozen=True, kw_only=True):
    """Arguments of browser_evaluate."""

    script: str


def _tool(name: str, arguments: type[Arguments], risk: Risk, description: str, label: str, question: str, subject: str = "") -> AnyTool:
    return Tool(
        name=name,
        arguments=arguments,
        description=description,
        risk=risk,
        kind="browse",
        label=label,
        question=question,
        subject=subject,
        offered="server",
    )


BROWSER_TOOLS: tuple[AnyTool, ...] = (
    _tool("browser_navigate", Navigate, Risk.network, "Open a page; gives its snapshot.", "Open", "Open a page?", "url"),
    _tool("browser_back", NoArguments, Risk.network, "Go back to the page before.", "Go back", "Go back to the page before?"),
    _tool("browser_wait", Wait, Risk.read, "Wait until a text appears, or some seconds.", "Wait", "Wait for the page?"),
    _tool("browser_snapshot", NoArguments, Risk.read, "The page as an accessibility tree with refs to act on.", "Look", "Read the page?"),
    _tool("browser_screenshot", Screenshot, Risk.read, "Save a picture of the page; full takes all of it.", "Picture", "Take a picture of the page?"),
    _tool("browser_extract", Extract, Risk.read, "The text of the page, or of one element.", "Read page", "Read the text of the page?"),
    _tool("browser_console", NoArguments, Risk.read, "What the page wrote to its console.", "Console", "Read the console of the page?"),
    _tool("browser_network", NoArguments, Risk.read, "What the page asked for over the network.", "Network", "List the requests of the page?"),
    _tool("browser_click", Click, Risk.network, "Click on an element.", "Click", "Click in the page?"),
    _tool("browser_type", TypeText, Risk.network, "Type into a field; submit presses Enter after it.", "Type", "Type into the page?"),
    _tool("browser_fill_form", FillForm, Risk.network, "Set the fields of a form, several at once or one.", "Fill in", "Fill in a form?"),
    _tool("browser_select", Select, Risk.network, "Choose from a list, by value or label.", "Select", "Choose from a list in the page?"),
    _tool("browser_press", Press, Risk.network, "Press a key, such as Enter or Control+A.", "Press", "Press a key in the page?"),
    _tool("browser_evaluate", Evaluate, Risk.execute, "The value of a JavaScript expression in the page.", "Run in page", "Run JavaScript in the page?", "script"),
)  # fmt: skip
