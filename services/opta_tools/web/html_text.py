"""An HTML page as readable text: headings, paragraphs, lists, tables, code and links. Scripts, styles and what is hidden are left out.

**Invariant:** the time is linear in the length of the page, whatever it holds. Python's own HTML parser takes quadratic time for some
broken pages.
"""

import html
import re
from urllib.parse import urljoin

LINK_CHARS_MAX = 500
# A longer tag ends at its first `>`, whatever quotes it holds.
TAG_CHARS_MAX = 16 * 1024
DEPTH_MAX = 32
_MARKUP = re.compile(r"<(?=[A-Za-z!?]|/[A-Za-z])")
_TAG = re.compile(r"<([A-Za-z][^\s/>]{0,63})((?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+)>")
_NAME = re.compile(r"</?([A-Za-z][^\s/>]{0,63})")
_ATTRIBUTE = re.compile(r"([^\s\"'>/=]++)(?:\s*+=\s*+(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]++)))?")
_BLANKS = re.compile(r"[ \t\n\r\f\xa0]+")
# Python refuses to convert numbers of thousands of digits.
_LONG_NUMBER = re.compile(r"&#(?:\d{8,}|[xX][0-9a-fA-F]{7,});?")
_REFRESH = re.compile(r"[\d.]*+\s*+[;,]\s*+(?:url\s*+=\s*+)?[\"']?([^\"'\s]+)", re.IGNORECASE)
_HIDDEN_STYLE = re.compile(r"display\s*+:\s*+none|visibility\s*+:\s*+hidden", re.IGNORECASE)

# Their content is not HTML, and ends at their end tag.
_RAW = frozenset("script style textarea iframe noembed noframes xmp".split())
_SKIPPED = frozenset("svg math template object audio video canvas select datalist".split())
# An end tag is required for these (a paragraph ends at the next block too), so one that is hidden ends where its tag does.
_CLOSED = frozenset(
    "p div span section article aside nav ul ol table dialog details form header footer main figure a b i em strong".split()
)
_BLOCKS = frozenset(
    "address article aside blockquote body caption center details dialog dd div dl dt fieldset figcaption figure footer form header hgroup legend main nav"
    " option search section summary tbody tfoot thead".split()
)
_PARAGRAPHS = frozenset("p h1 h2 h3 h4 h5 h6 ul ol table pre hr".split())


def page_text(page: str, base: str) -> str:
    """The text of an HTML page. `base`: its address, to which its links are relative."""
    return _Page(page, base).text()


class _Page:
    """Reads one page from its beginning to its end, and writes lines."""

    def __init__(self, page: str, base: str):
        self._page, self._base = page, base
        self._lines: list[str] = []
        self._line: list[str] = []
        self._title = ""
        self._lists: list[int] = []
        # Where the text of the open link begins in the line, and its address.
        self._link: tuple[int, str] | None = None
        self._pre = 0
        # Stands before the next text of a list.
        self._bullet = ""
        # The tag whose content is left out, how deep it is nested in itself, and where it began.
        self._left_out, self._depth, self._left_out_at = "", 0, 0
        self._hides = True

    def text(self) -> str:
        """The whole page."""
        at = self._read(0)
        if at >= 0:
            # What was left out has no end, so the page is broken, and the rest of it would be lost.
            self._left_out, self._hides = "", False
            self._read(at)
        self._end_link()
        self._end_line()
        found = "\n".join(line.rstrip() for line in self._lines)
        body = re.sub(r"\n{3,}", "\n\n", found).strip("\n")
        return f"# {self._title}\n\n{body}".strip() if self._title and not body.startswith(f"# {self._title}") else body

    def _read(self, at: int) -> int:
        """Read from a position; the position where content begins that is left out and never ends, -1 for none."""
        page = self._page
        while at < len(page):
            found = _MARKUP.search(page, at)
            if found is None:
                self._text(page[at:])
                break
            self._text(page[at : found.start()])
            at = self._markup(found.start())
        return self._left_out_at if self._left_out else -1

    def _markup(self, at: int) -> int:
        """Read a tag or comment; the position behind it."""
        page = self._page
        if page.startswith("<!--", at):
            return self._behind("-->", at + 2)
        if page.startswith(("<!", "<?"), at):
            return self._behind(">", at)
        named = _NAME.match(page, at)
        assert named is not None
        name = named[1].lower()
        if page[at + 1] == "/":
            self._end(name)
            return self._behind(">", at)
        tag = _TAG.match(page, at, at + TAG_CHARS_MAX)
        end = tag.end() if tag else self._behind(">", at)
        attributes = tag[2] if tag else page[named.end() : min(end, named.end() + TAG_CHARS_MAX)]
        if name in _RAW or name == "title":
            return self._raw(name, end)
        self._begin(name, attributes, at)
        return end

    def _behind(self, mark: str, at: int) -> int:
        found = self._page.find(mark, at)
        return len(self._page) if found < 0 else found + len(mark)

    def _raw(self, name: str, at: int) -> int:
        """Skip content that is not HTML; the text of a title is kept."""
        closing = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(self._page, at)
        end = closing.start() if closing else len(self._page)
        if name == "title" and not self._title and not self._left_out:
            self._title = _BLANKS.sub(" ", _plain(self._page[at : min(end, at + 2000)])).strip()[:300]
        return self._behind(">", end) if closing else end

    def _begin(self, name: str, given: str, at: int) -> None:
        if self._left_out == "p" and (name in _PARAGRAPHS or name in _BLOCKS):
            self._left_out = ""
        if self._left_out:
            self._depth += name == self._left_out and not given.rstrip().endswith("/")
            return
        if self._hides and (name in _SKIPPED or (name in _CLOSED and given and _is_hidden(given))):
            if not given.rstrip().endswith("/"):
                self._left_out, self._depth, self._left_out_at = name, 1, at
            return
        match name:
            case "a":
                self._end_link()
                self._link = len(self._line), _attributes(given).get("href", "")
            case "img":
                if alt := _BLANKS.sub(" ", _attributes(given).get("alt", "")).strip():
                    self._line.append(f"[picture: {alt[:200]}]")
            case "br":
                self._end_line()
            case "td" | "th":
                if self._line and not self._pre:
                    self._line.append(" | ")
            case "tr":
                self._end_line()
            case "li":
                self._end_line()
                self._bullet = self._next_bullet()
            case "meta":
                self._refresh(_attributes(given))
            case "base":
                self._base = urljoin_or(self._base, _attributes(given).get("href", "")) or self._base
            case _:
                self._begin_block(name)

    def _begin_block(self, name: str) -> None:
        if name in _PARAGRAPHS and not (name in ("ul", "ol") and self._lists):
            self._paragraph()
        elif name in _PARAGRAPHS or name in _BLOCKS:
            self._end_line()
        if name in ("ul", "ol"):
            self._lists = [*self._lists, 0 if name == "ol" else -1][-DEPTH_MAX:]
        elif name == "pre":
            self._lines.append("```")
            self._pre += 1
        elif name == "hr":
            self._lines += ["---", ""]
        elif len(name) == 2 and name[0] == "h" and name[1].isdigit():
            self._line.append("#" * int(name[1]) + " ")

    def _end(self, name: str) -> None:
        if self._left_out:
            self._depth -= name == self._left_out
            if not self._depth:
                self._left_out = ""
            return
        if name == "a":
            self._end_link()
        elif name == "pre" and self._pre:
            self._end_line()
            self._pre -= 1
            self._lines += ["```", ""]
        elif name in _PARAGRAPHS:
            self._paragraph()
            if name in ("ul", "ol") and self._lists:
                self._lists = self._lists[:-1]
        elif name in _BLOCKS or name in ("li", "tr"):
            self._end_line()

    def _text(self, text: str) -> None:
        if not text or self._left_out:
            return
        text = _plain(text)
        if self._pre:
            *whole, rest = text.replace("\r\n", "\n").split("\n")
            for line in whole:
                self._line.append(line)
                self._end_line(is_empty_kept=True)
            self._line.append(rest)
            return
        text = _BLANKS.sub(" ", text)
        if not self._line or self._line[-1].endswith(" "):
            text = text.lstrip(" ")
        if text:
            self._line.append(text)

    def _end_link(self) -> None:
        if self._link is None:
            return
        (start, href), self._link = self._link, None
        text = "".join(self._line[start:]).strip()
        if text and not href.lstrip().startswith("#") and (target := urljoin_or(self._base, href.strip())):
            self._line[start:] = [f"[{text}]({target})" if text != target else text]

    def _end_line(self, *, is_empty_kept: bool = False) -> None:
        link = self._link
        if link is not None:
            self._end_link()
            self._link = 0, link[1]
        text = "".join(self._line)
        self._line = []
        if text.strip() or is_empty_kept:
            self._lines.append(f"{self._bullet}{text}")
            self._bullet = ""

    def _paragraph(self) -> None:
        self._end_line()
        # Lists within lists stay together.
        if self._lines and self._lines[-1] and len(self._lists) < 2 and not self._pre:
            self._lines.append("")

    def _next_bullet(self) -> str:
        if not self._lists:
            return "- "
        indent = "  " * (len(self._lists) - 1)
        if self._lists[-1] < 0:
            return f"{indent}- "
        self._lists[-1] += 1
        return f"{indent}{self._lists[-1]}. "

    def _refresh(self, attributes: dict[str, str]) -> None:
        found = (
            _REFRESH.match(attributes.get("content", "").strip()[:LINK_CHARS_MAX])
            if attributes.get("http-equiv", "").strip().lower() == "refresh"
            else None
        )
        if found is not None and (target := urljoin_or(self._base, found[1])):
            self._lines += [f"(This page refers on to {target})", ""]


def urljoin_or(base: str, reference: str) -> str:
    """The http or https address that a reference means; '' when it means none."""
    try:
        target = urljoin(base, _BLANKS.sub("%20", reference)) if reference else ""
    except ValueError:
        return ""
    return target if target.lower().startswith(("http://", "https://")) and len(target) <= LINK_CHARS_MAX else ""


def _plain(text: str) -> str:
    return html.unescape(_LONG_NUMBER.sub("\ufffd", text)) if "&" in text else text


def _attributes(given: str) -> dict[str, str]:
    """Attributes by name in lower case; the first of a name counts."""
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(given):
        found.setdefault(match[1].lower(), _plain(match[2] or match[3] or match[4] or ""))
    return found


def _is_hidden(given: str) -> bool:
    """Whether the attributes of a tag hide it: instructions to agents are put where people do not see them."""
    if "hidden" not in given.lower() and "style" not in given.lower():
        return False
    attributes = _attributes(given)
    is_hidden = "hidden" in attributes and attributes["hidden"].lower() != "until-found"
    return is_hidden or attributes.get("aria-hidden", "").lower() == "true" or bool(_HIDDEN_STYLE.search(attributes.get("style", "")))
