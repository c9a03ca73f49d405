"""Pictures for models of tests: what mlx-vlm says about them, and their form in messages."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from mlx_vlm.generate import stream_generate
from PIL import Image


def picture(seed: int = 1, width: int = 120, height: int = 80) -> bytes:
    """A PNG of random pixels in large squares."""
    squares = np.random.default_rng(seed).integers(0, 255, (4, 6, 3), dtype=np.uint8)
    return encoded(Image.fromarray(squares).resize((width, height), Image.Resampling.NEAREST))


def encoded(image: Image.Image, kind: str = "PNG", **more: Any) -> bytes:
    """An image as a file."""
    held = io.BytesIO()
    image.save(held, kind, **more)
    return held.getvalue()


def base64_of(content: bytes) -> str:
    """As clients send it."""
    return base64.b64encode(content).decode()


def data_url(content: bytes, media: str = "image/png") -> str:
    """As OpenAI's clients send it."""
    return f"data:{media};base64,{base64_of(content)}"


class Reference:
    """mlx-vlm with a model of its own."""

    def __init__(self, folder: Path):
        from mlx_vlm.utils import load

        self.model: Any
        self.processor: Any
        self.model, self.processor = load(str(folder), trust_remote_code=False)

    def tokens(self, prompt: str, pictures: list[bytes], count: int) -> list[int]:
        """Its tokens, greedily, for a whole prompt of the model's own form."""
        images: list[Any] = [Image.open(io.BytesIO(content)).convert("RGB") for content in pictures]
        kwargs: dict[str, Any] = {"max_tokens": count, "temperature": 0.0}
        if images and type(self.processor).__name__ == "LlavaProcessor":
            # mlx-vlm hands this one options that its image processor refuses.
            inputs = dict(self.processor(text=[prompt], images=images))
            kwargs |= {"input_ids": inputs["input_ids"], "pixel_values": inputs["pixel_values"], "mask": inputs["attention_mask"]}
            images = []
        answers = list(stream_generate(self.model, self.processor, prompt, images or None, **kwargs))
        return answers[-1].token_ids or []
