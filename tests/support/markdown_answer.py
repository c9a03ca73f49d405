"""A Markdown answer with everything that a terminal draws in a look of its own."""

ANSWER = """# The parser

It reads **one line** at a time with `read_line` and keeps *nothing*.

## How it is used

```python
def parse(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
```

| function | what it does | lines |
|:---------|:------------:|------:|
| parse | splits a text | 3 |
| 解析 | reads 漢字 and emoji ✅ | 12 |

> A quote of the manual,
> on two lines.

1. first
2. second with `code`
   * nested

- [x] done
- <b>kept</b> as it is & ![logo](logo.png)

The end of the answer.
"""

# Every word of it that must be on the screen.
WORDS = (
    "The parser",
    "read_line",
    "How it is used",
    "python",
    "splits a text",
    "漢字",
    "A quote of the manual",
    "first",
    "nested",
    "<b>kept</b>",
    "logo.png",
    "The end of the answer.",
)
