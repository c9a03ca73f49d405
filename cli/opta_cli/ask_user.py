"""A model's question on a terminal: its text, its options by number, and the answer of a person in any words.

Every line of the model's text begins with a mark, so that no text can look like a prompt of ours.
"""

import sys

from opta_core.errors import OptaError
from opta_protocol.events import QuestionAsked

from .client import Client
from .plain_text import plain_line

CLIENT = "the terminal"


def answer(client: Client, asked: QuestionAsked) -> None:
    """Show a question and send the answer. Without words it stays open, for another client or its end."""
    print("\n".join(shown(asked)), file=sys.stderr, flush=True)
    try:
        words = input("  your answer (empty: answer elsewhere) ▸ ").strip()
    except EOFError:
        words = ""
    if not words:
        print("  The question stays open.", file=sys.stderr)
        return
    number = int(words) - 1 if words.isdecimal() and len(words) < 3 else -1
    body = {"option": number} if 0 <= number < len(asked.options) else {"text": words}
    try:
        client.post(f"/v3/sessions/{asked.sid}/questions/{asked.questionId}", {**body, "client": CLIENT})
    except OptaError as error:
        print(f"  {plain_line(str(error))}", file=sys.stderr, flush=True)


def shown(asked: QuestionAsked) -> list[str]:
    """The lines of a question."""
    lines = ["  The model asks:", *(f"  │ {plain_line(line)}" for line in asked.text.splitlines())]
    return lines + [f"  │ {number}. {plain_line(option)}" for number, option in enumerate(asked.options, 1)]
