"""The transcript as messages for a model, built so that an earlier prefix never changes.

Ended turns are encoded once and kept as bytes: a prompt in a session of two thousand turns costs what it
costs in a short one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from opta_core.attachments import is_image
from opta_core.transcript import Call, Step, Transcript, Turn

from .kept_facts import Covered, covered
from .prompt import RESUME, SUMMARY, SYSTEM
from .shown_result import shown_result
from .signed_thinking import signed_thinking

# The first message of every prompt.
FIRST: dict[str, Any] = {"role": "system", "content": SYSTEM}
_FIRST = msgspec.json.encode(FIRST)
# Bytes of a token, until a provider has counted any; and of the system prompt with the tools, when bytes and tokens are compared.
BYTES_A_TOKEN, FIXED_BYTES = 4.0, 6_000
# Fields in which a server that sends reasoning in them takes it back, within the turn that it belongs to.
REASONING_FIELDS = frozenset({"reasoning_content", "reasoning"})
NOTHING = "(no answer)"
_USER = b'{"role":"user","content":'
_NO_IMAGES: Mapping[str, bytes] = {}

_encode = msgspec.json.Encoder().encode


# (index of a message of a turn, what was added to it, its characters) for each text from outside the conversation.
Added = tuple[tuple[int, str, int], ...]


class HistoryPart(NamedTuple):
    """The messages of a turn ('' for the summary), and what was added to them."""

    turn: str
    messages: list[dict[str, Any]]
    added: Added


class HistoryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A history as it is kept in a snapshot; the fields as in `History`."""

    encoded: bytes
    upto: int
    summary: bytes
    summarised_to: int
    starts: list[tuple[int, int]]
    covered: dict[int, Covered]
    # Only of turns to which something was added.
    added: dict[int, Added]
    pictured: dict[int, tuple[int, list[str]]]
    bytes_a_token: float
    reported: int


class History:
    """The messages of ended turns, joined by commas, after the summary of those before them."""

    def __init__(self) -> None:
        self._encoded = bytearray()
        self._upto = 0
        self._summary = b""
        self._summarised_to = 0
        # (seq, where its messages begin in `_encoded`) of every encoded turn, and what a summary keeps of it.
        self._starts: list[tuple[int, int]] = []
        self._covered: dict[int, Covered] = {}
        self._added: dict[int, Added] = {}
        # Of turns with images: the bytes of their first message, and the images.
        self._pictured: dict[int, tuple[int, list[str]]] = {}
        # As the provider counted the last turn.
        self.bytes_a_token = BYTES_A_TOKEN
        # Tokens of its context after its last answer, 0 for none that was counted.
        self.reported = 0

    @property
    def size(self) -> int:
        """Bytes of the encoded turns and the summary before them."""
        return len(self._summary) + len(self._encoded)

    @classmethod
    def restored(cls, record: HistoryRecord) -> "History":
        """The history that a record was made from."""
        history = cls()
        history._encoded, history._upto = bytearray(record.encoded), record.upto
        history._summary, history._summarised_to = record.summary, record.summarised_to
        history._starts, history._covered, history._pictured = record.starts, record.covered, record.pictured
        history._added = {seq: record.added.get(seq, ()) for seq, _ in record.starts}
        history.bytes_a_token, history.reported = record.bytes_a_token, record.reported
        return history

    def record(self) -> HistoryRecord:
        """This history for a snapshot. It shares what it holds: encode it before the next turn."""
        return HistoryRecord(
            encoded=bytes(self._encoded),
            upto=self._upto,
            summary=self._summary,
            summarised_to=self._summarised_to,
            starts=self._starts,
            covered=self._covered,
            added={seq: added for seq, added in self._added.items() if added},
            pictured=self._pictured,
            bytes_a_token=self.bytes_a_token,
            reported=self.reported,
        )

    def take(self, transcript: Transcript, turn_id: str) -> list[Turn]:
        """Encode every turn before `turn_id`; the turns that are encoded now and need not be kept."""
        if transcript.clearedTo > self._upto:
            self._encoded.clear()
            self._starts.clear()
            self._covered.clear()
            self._added.clear()
            self._pictured.clear()
            self._upto, self._summary = transcript.clearedTo, b""
        if transcript.compactedTo > max(self._summarised_to, transcript.clearedTo):
            self._summarise(transcript)
        taken: list[Turn] = []
        for turn in transcript.turns:
            if turn.id == turn_id:
                break
            taken.append(turn)
            if turn.seq > self._upto:
                self._starts.append((turn.seq, len(self._encoded)))
                self._covered[turn.seq] = covered(turn)
                messages = _closed(_turn_messages(turn, turn.steps), turn)
                self._added[turn.seq] = _added(turn, messages)
                if images := images_of(turn):
                    self._pictured[turn.seq] = len(_encode(messages[0])), images
                for message in messages:
                    self._encoded += (b"," if self._encoded else b"") + _encode(message)
                self._upto = turn.seq
                self.reported = turn.contextUsed or self.reported
                if turn.contextUsed and not turn.foldedTo and not self._pictured:
                    self.bytes_a_token = min(6.0, max(1.5, (self.size + FIXED_BYTES) / turn.contextUsed))
        return taken

    def messages(
        self, turn: Turn, *, step: int, nudge: str = "", steers: Sequence[str] = (), images: Mapping[str, bytes] = _NO_IMAGES
    ) -> msgspec.Raw:
        """A JSON array: system prompt, ended turns, and `turn` before its step `step`, and then `nudge` and what people said meanwhile (`steers`).

        `images`: those that the model sees, each as an encoded part of a message's content.
        """
        steps = [known for known in turn.steps if known.step < step]
        before = [part for part in (self._summary, self._ended(images)) if part]
        first, *rest = map(_encode, _turn_messages(turn, steps, is_running=True, nudge=nudge, steers=steers))
        parts = [_FIRST, *before, _pictured(first, images_of(turn), images), *rest]
        return msgspec.Raw(b"[" + b",".join(parts) + b"]")

    def images(self, turn: Turn) -> list[str]:
        """The images of the turns that the prompt of `turn` holds, oldest first."""
        return [*(image for _, images in self._pictured.values() for image in images), *images_of(turn)]

    def _ended(self, images: Mapping[str, bytes]) -> bytes:
        """The messages of ended turns, with the images that the model sees."""
        if not images or not self._pictured:
            return bytes(self._encoded)
        parts: list[bytes] = []
        at = 0
        for seq, start in self._starts:
            if seq in self._pictured:
                size, names = self._pictured[seq]
                # A turn's messages begin with the comma that parts them from the ones before.
                begin = start + self._encoded[start : start + 1].count(b",")
                parts += [bytes(self._encoded[at:begin]), _pictured(bytes(self._encoded[begin : begin + size]), names, images)]
                at = begin + size
        return b"".join([*parts, bytes(self._encoded[at:])])

    def parts(self, running: Turn | None) -> list["HistoryPart"]:
        """What `messages` sends for the last step of `running`, or before a new turn, turn by turn after the summary."""
        found: list[HistoryPart] = []
        if self._summary:
            found.append(HistoryPart("", msgspec.json.decode(b"[" + self._summary + b"]"), ()))
        for number, (seq, start) in enumerate(self._starts, 1):
            end = self._starts[number][1] if number < len(self._starts) else len(self._encoded)
            messages = msgspec.json.decode(b"[" + bytes(self._encoded[start:end]).strip(b",") + b"]")
            found.append(HistoryPart(self._covered[seq].turn, messages, self._added[seq]))
        if running is not None:
            last = running.steps[-1]
            steps = [step for step in running.steps if step.step < last.step]
            steers = [steer.text for steer in running.steers if steer.step == last.step]
            messages = _turn_messages(running, steps, is_running=True, nudge=last.nudge, steers=steers)
            found.append(HistoryPart(running.id, messages, _added(running, messages)))
        return found

    def older(self, kept_turns: int, kept_bytes: int) -> tuple[int, msgspec.Raw]:
        """(seq of the last turn that can be summarised, a JSON array of the messages up to it with an earlier summary); (0, []) for none.

        The array begins as every prompt does. The last `kept_turns` turns stay out, as far as they fit into `kept_bytes`.
        """
        split = len(self._starts)
        while split and len(self._starts) - split < kept_turns and len(self._encoded) - self._starts[split - 1][1] <= kept_bytes:
            split -= 1
        if not split:
            return 0, msgspec.Raw(b"[]")
        end = self._starts[split][1] if split < len(self._starts) else len(self._encoded)
        parts = [part for part in (self._summary, bytes(self._encoded[:end]).strip(b",")) if part]
        return self._starts[split - 1][0], msgspec.Raw(b"[" + b",".join([_FIRST, *parts]) + b"]")

    def covered(self, up_to: int) -> list[Covered]:
        """What a summary up to the turn at seq `up_to` keeps of its turns, oldest first."""
        return [kept for seq, kept in self._covered.items() if seq <= up_to]

    def _summarise(self, transcript: Transcript) -> None:
        """Put the stored summary in the place of the turns that it covers."""
        self._summarised_to = transcript.compactedTo
        self._upto = max(self._upto, transcript.compactedTo)
        self._covered = {seq: kept for seq, kept in self._covered.items() if seq > transcript.compactedTo}
        self._added = {seq: kept for seq, kept in self._added.items() if seq > transcript.compactedTo}
        self._pictured = {seq: kept for seq, kept in self._pictured.items() if seq > transcript.compactedTo}
        kept = [(seq, start) for seq, start in self._starts if seq > transcript.compactedTo]
        begin = kept[0][1] if kept else len(self._encoded)
        # A turn's messages begin with the comma that parts them from the ones before.
        dropped = begin + self._encoded[begin : begin + 1].count(b",")
        self._encoded = bytearray(self._encoded[dropped:])
        self._starts = [(seq, max(0, start - dropped)) for seq, start in kept]
        # A model that expects turns to alternate gets an answer to it.
        summary = [{"role": "user", "content": f"{SUMMARY}\n{transcript.summary}"}, {"role": "assistant", "content": "Understood."}]
        self._summary = b",".join(map(_encode, summary))


def images_of(turn: Turn) -> list[str]:
    """The images that were attached to a turn."""
    return [name for name in turn.attachments if is_image(name)]


def _pictured(message: bytes, names: list[str], images: Mapping[str, bytes]) -> bytes:
    """A user's encoded message with those of its images that the model sees."""
    shown = [images[name] for name in names if name in images]
    if not shown or not message.startswith(_USER):
        return message
    return b'%b[{"type":"text","text":%b},%b]}' % (_USER, message[len(_USER) : -1], b",".join(shown))


def _turn_messages(
    turn: Turn, steps: list[Step], *, is_running: bool = False, nudge: str = "", steers: Sequence[str] = ()
) -> list[dict[str, Any]]:
    if turn.compact:
        return []
    prompt = turn.note + "\n\n".join(part for part in (RESUME if turn.resumes else "", turn.text) if part)
    steps = [step for step in steps if step.step > turn.foldedTo]
    # What stood behind the results of a folded step stands with the message.
    injected = [part.text for part in turn.injected if part.step <= turn.foldedTo]
    said = [steer.text for steer in turn.steers if 0 < steer.step <= turn.foldedTo]
    content = "\n\n".join(part for part in (prompt, *injected, turn.digest, *said) if part)
    messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
    for number, step in enumerate(steps):
        if step.nudge:
            _add_nudge(messages, step.nudge)
        for steer in turn.steers:
            if steer.step == step.step:
                _add_words(messages, steer.text)
        if step.calls:
            answer = {"role": "assistant", "content": step.text, "tool_calls": [_call(call) for call in step.calls]}
            if is_running and step.thinking and step.thinkingField in REASONING_FIELDS:
                answer[step.thinkingField] = step.thinking
            if is_running and step.thinkingBlocks:
                answer["thinking_blocks"] = signed_thinking(step)
            messages.append(answer)
            messages += [
                {"role": "tool", "tool_call_id": call.id, "content": shown_result(call, len(step.calls), step.contextLimit)}
                for call in step.calls
            ]
            for part in turn.injected:
                if part.step == step.step and part.text:
                    messages[-1]["content"] += f"\n\n{part.text}"
        elif step.text.strip():
            messages.append({"role": "assistant", "content": step.text})
        elif nudge or steers or number + 1 < len(steps):
            # An answer that was nothing: roles alternate, so something stands for it.
            messages.append({"role": "assistant", "content": NOTHING})
    if nudge:
        _add_nudge(messages, nudge)
    for words in steers:
        _add_words(messages, words)
    return messages


def _added(turn: Turn, messages: list[dict[str, Any]]) -> Added:
    """Which of a turn's messages hold the texts that were added to it."""
    places = (
        (next((at for at, message in enumerate(messages) if part.text in str(message["content"])), -1), part)
        for part in turn.injected
        if part.text
    )
    return tuple((at, part.source, len(part.text)) for at, part in places if at >= 0)


def _closed(messages: list[dict[str, Any]], turn: Turn) -> list[dict[str, Any]]:
    """The messages of an ended turn. One that did not come to its end says so: roles alternate, and half an answer is not taken for one."""
    if messages and messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": _ENDINGS.get(turn.state, NOTHING)})
    elif messages and (turn.stats or {}).get("finish") != "stop" and turn.state in _ENDINGS:
        messages[-1]["content"] += f"\n\n{_ENDINGS[turn.state]}"
    return messages


_ENDINGS = {
    "cancelled": "(The user stopped this turn.)",
    "error": "(This turn failed before its end.)",
    "done": "(This turn reached its limit.)",
}


def _add_nudge(messages: list[dict[str, Any]], nudge: str) -> None:
    """Tell the model something: behind its tools' results or the user's words, or in a message of its own after an answer."""
    if messages[-1]["role"] in ("tool", "user"):
        messages[-1]["content"] += f"\n\n({nudge})"
    else:
        messages.append({"role": "user", "content": nudge})


def _add_words(messages: list[dict[str, Any]], words: str) -> None:
    """A person's words in a message of the user: what stands in a tool's result is no order."""
    if messages[-1]["role"] == "user":
        messages[-1]["content"] += f"\n\n{words}"
    else:
        messages.append({"role": "user", "content": words})


def _call(call: Call) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": msgspec.json.encode(call.args).decode()}}
