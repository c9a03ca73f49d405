"""What a model reads in the place of a picture, and the numbers that it sees there: the work of the model's own processor."""

from collections import OrderedDict
from typing import Any

from PIL import Image

from ..mlx_adapter import mx
from .picture_files import PictureRefusal
from .vlm_adapter import picture_inputs

# Texts that are remembered by the content of their picture.
_KNOWN_MAX = 64
_TOKEN_FIELDS = ("image_token_id", "image_token_index")
_TOKEN_NAMES = ("boi_token", "image_token")
# Outputs of processors with one number for each token.
_BY_TOKEN = ("token_type_ids", "mm_token_type_ids")


class PictureProcessor:
    """`processor`: mlx-vlm's of a model; `written`: what the chat template writes for a picture, or ''. Raises ValueError: the pictures of
    this family cannot be placed.
    """

    def __init__(self, model: Any, processor: Any, tokenizer: Any, written: str):
        self._processor, self._tokenizer = processor, getattr(tokenizer, "_tokenizer", tokenizer)
        self.token = next((token for name in _TOKEN_FIELDS if isinstance(token := getattr(model.config, name, None), int)), -1)
        self._known: OrderedDict[str, str] = OrderedDict()
        self.written = ""
        self._trial, problem = Image.new("RGB", (224, 168)), "its processor names no token for them"
        for text in dict.fromkeys(filter(None, [written, *self._declared()])):
            self.written = text
            try:
                self._text_of(self._trial)
            except ValueError as error:
                problem = str(error)
            else:
                return
        raise ValueError(f"pictures cannot be placed in its prompts: {problem}")

    def text(self, image: Any, name: str) -> str:
        """The text in the place of a picture, with the control tokens of the family. `name`: of its content. Raises PictureRefusal."""
        if name not in self._known:
            try:
                self._known[name] = self._text_of(image)
            except ValueError as error:
                raise PictureRefusal(f"this model cannot take a picture of {image.width} x {image.height} pixels: {error}") from None
            if len(self._known) > _KNOWN_MAX:
                self._known.popitem(last=False)
        self._known.move_to_end(name)
        return self._known[name]

    def inputs(self, images: list[Any], prompt: list[int]) -> dict[str, Any]:
        """The inputs of the model for the pictures of a prompt, in their order there. Raises ValueError."""
        if not images:
            return {}
        found = dict(picture_inputs(self._processor, images, self.written * len(images), self.token))
        placed = found.pop("input_ids").tolist()[0]
        if placed.count(self.token) != prompt.count(self.token):
            raise ValueError("the prompt has another number of picture tokens than its pictures")
        found.pop("attention_mask", None)
        for name in _BY_TOKEN:
            if found.get(name) is not None:
                kinds = dict(zip(placed, found[name].tolist()[0], strict=True))
                found[name] = mx.array([[kinds.get(token, 0) for token in prompt]])
        return found

    def trial(self) -> tuple[list[int], dict[str, Any]]:
        """The tokens of a picture, and the inputs of the model for it."""
        prompt = [int(id_) for id_ in self._tokenizer.encode(self._text_of(self._trial), add_special_tokens=False)]
        return prompt, self.inputs([self._trial], prompt)

    def _declared(self) -> list[str]:
        """The tokens for a picture that the processor and the tokenizer declare."""
        owners = (self._processor, getattr(self._processor, "tokenizer", None), self._tokenizer)
        found = [str(token) for name in _TOKEN_NAMES for owner in owners if isinstance(token := getattr(owner, name, None), str)]
        return found + ([str(self._tokenizer.convert_ids_to_tokens(self.token))] if self.token >= 0 else [])

    def _text_of(self, image: Any) -> str:
        """Raises ValueError."""
        ids: list[int] = picture_inputs(self._processor, [image], self.written, self.token)["input_ids"].tolist()[0]
        for token, end in ((self._tokenizer.bos_token_id, 0), (self._tokenizer.eos_token_id, -1)):
            if ids and token is not None and ids[end] == token:
                ids.pop(end)
        if self.token not in ids:
            raise ValueError(f"the processor makes no picture of {self.written!r}")
        text = str(self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))
        if list(self._tokenizer.encode(text, add_special_tokens=False)) != ids:
            raise ValueError("its tokenizer cannot write the tokens of a picture")
        return text
