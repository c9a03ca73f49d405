"""A model's question on a terminal: its text, its options by number, and the answer of a person in any words.

Every line of the model's text begins with a mark, so that no text can look like a prompt of ours.
"""

import sys

from opta_core.errors import OptaError
from opta_protocol.events import QuestionAnswered, QuestionAsked

from .ask import Closed, ask_words
from .client import Client
from .plain_text import plain_line
from .question_watch import QuestionWatch

CLIENT = "the terminal"


def answer(client: Client, asked: QuestionAsked) -> None:
    """Show a question and send the answer. Without words it stays open, for another client or its end."""
    watch = QuestionWatch(client.another(), asked, lambda event: _answer_to(asked, event), "Nobody answered in time.")
    try:
        print("\n".join(shown(asked)), file=sys.stderr, flush=True)
        words = (ask_words("  your answer (empty: answer elsewhere) ▸ ", watch.over) or "").strip()
        if not words:
            print("  The question stays open.", file=sys.stderr, flush=True)
            return
        client.post(f"/v3/sessions/{asked.sid}/questions/{asked.questionId}", {**_meant(asked, words), "client": CLIENT})
    except (Closed, OptaError) as error:
        print(f"  {plain_line(str(error))}", file=sys.stderr, flush=True)
    finally:
        watch.close()


def shown(asked: QuestionAsked) -> list[str]:
    """The lines of a question."""
    lines = ["  The model asks:", *(f"  │ {plain_line(line)}" for line in asked.text.splitlines())]
    return lines + [f"  │ {number}. {plain_line(option)}" for number, option in enumerate(asked.options, 1)]


def _meant(asked: QuestionAsked, words: str) -> dict[str, int] | dict[str, str]:
    """The option of a number, or the words."""
    number = int(words) - 1 if words.isdecimal() and len(words) < 3 else -1
    return {"option": number} if 0 <= number < len(asked.options) else {"text": words}


def _answer_to(asked: QuestionAsked, event: object) -> str:
    """The words for the answer to a question; '' for any other event."""
    if not isinstance(event, QuestionAnswered) or event.questionId != asked.questionId:
        return ""
    return f"Answered in {event.client or 'another place'}: {event.text}" if event.text else "Nobody answered in time."
