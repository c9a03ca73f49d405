"""The scripted model of the tests that kill processes while a person and a model do more than plain turns."""

from typing import Any

from support.model_server import Action, Say, Use

STEPS = 8


class ControlWork:
    """The model's part: what it does follows from the prompt and from how many results it has read since."""

    def __init__(self, site: str):
        # Host and port of the web server that is looked at.
        self._site = site

    def __call__(self, messages: list[dict[str, Any]]) -> list[Action]:
        at = max(at for at, message in enumerate(messages) if message["role"] == "user")
        prompt = str(messages[at]["content"])
        steps = self._steps(prompt)
        results = sum(message["role"] == "tool" for message in messages[at:])
        # The words take long enough for a process to die in them.
        if results < len(steps):
            return [Say(f"Step {results}. " * 3, rate=40), steps[results]]
        return [Say("The hooked work is done. " if "Hooked work" in prompt else "All is done. " * 3, rate=40)]

    def _steps(self, prompt: str) -> list[Action]:
        if "Change files" in prompt:
            return [
                Use("write_file", {"path": "written.txt", "content": "written\n"}),
                Use("run_command", {"command": "for n in 1 2 3 4; do echo new > made$n; sleep 0.05; done; echo changed > kept.txt; rm -f gone.txt"}),
                Use("edit_file", {"path": "written.txt", "old": "written", "new": "edited"}),
            ]  # fmt: skip
        if "Ask me" in prompt:
            return [Use("ask_user", {"question": "Which colour?", "options": ["red", "blue"]}), append("asked.log")]
        if "Hooked work" in prompt:
            return [append("hooked.log", number) for number in range(STEPS)]
        if "Look outside" in prompt:
            fetches = [Use("web_fetch", {"url": f"http://{self._site}/page{number}"}) for number in range(4)]
            edits = [Use("edit_file", {"path": "checked.py", "old": f"x{n} = 1", "new": f"x{n} = undefined{n}"}) for n in range(4)]
            return [Use("read_file", {"path": "checked.py"}), *(step for pair in zip(fetches, edits, strict=True) for step in pair)]
        if "accepted this plan" in prompt:
            return [append("planned.log")]
        if "Make a plan" in prompt:
            return [Use("list_dir", {"path": "."})]
        if "Use the skill" in prompt:
            return [Use("skill", {"name": "greet"}), append("greeted.log")]
        return [append("work.log", number) for number in range(3)]


def append(name: str, number: int = 0) -> Use:
    """A command of which each run leaves a line. `number`: one command is as different from the next as in real work."""
    return Use("run_command", {"command": f"sleep 0.1; echo run{number} >> {name}"})
