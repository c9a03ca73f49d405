"""Train the probe model with mlx: `python -m probe_training.train --out FOLDER --steps N` (from `lmx/`).

Mixed packing from the first step: each batch is 2,048 tokens, every row a mix of all classes with
attention held inside each sample. Each step's batch is drawn from
`Random(seed/step)`, so a run that was cut resumes exactly from its last checkpoint: same
weights, same optimizer state, same data. The rate is constant after the warm-up and falls
linearly over the last fifth of `--steps`; `--steps` may be changed when resuming.
"""

import argparse
import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
import numpy as np
from mlx.utils import tree_flatten, tree_map, tree_unflatten
from mlx_lm.models import lfm2

from .forward import summed_loss
from .generator import Generator
from .vocabulary import CALL_TOOLS, END, END_ID, PAD_ID, SIZE, encode, write_tokenizer

# Most batches have short rows, for which attention is cheap. Every `LONG_EVERY`th batch has rows of the
# full length, so that long prompts are trained too.
SHORT, LONG, LONG_EVERY = (8, 256), (4, 512), 8
PEAK_RATE, WARMUP_STEPS = 2e-3, 200

CONFIG: dict[str, Any] = {
    "model_type": "lfm2",
    "architectures": ["Lfm2ForCausalLM"],
    "vocab_size": SIZE,
    "hidden_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 1024,
    "norm_eps": 1e-5,
    "conv_bias": False,
    "conv_L_cache": 3,
    "block_dim": 128,
    "block_ff_dim": 352,
    "block_multiple_of": 32,
    "block_ffn_dim_multiplier": 1.0,
    "block_auto_adjust_ff_dim": False,
    "rope_theta": 10000.0,
    "layer_types": ["conv", "full_attention", "conv", "full_attention"],
    "eos_token_id": END_ID,
    "pad_token_id": PAD_ID,
    "tie_word_embeddings": True,
    "opta": {"capability": "probe", "copy_constraint": True, "selects": True, "tools": list(CALL_TOOLS)},
}

# Shares of the drawn samples, at the start and at the end of the run: copying and sums first,
# then more long samples (results).
MIX_START = {"sum": 10, "read": 6, "list": 5, "find": 5, "grep": 5, "result": 3, "greeting": 1, "refusal": 1, "no_tools": 1}
MIX_END = {"sum": 10, "read": 4, "list": 4, "find": 4, "grep": 4, "result": 6, "greeting": 2, "refusal": 2, "no_tools": 0.8}


def sample_stream(seed: int, step: int, progress: float) -> Iterator[tuple[list[int], int]]:
    """Endless (token ids, length of the prompt) for one step."""
    random_ = random.Random(f"{seed}/{step}")
    generator = Generator()
    share = min(1.0, progress * 2)
    kinds = list(MIX_START)
    weights = [MIX_START[kind] * (1 - share) + MIX_END[kind] * share for kind in kinds]
    while True:
        sample = generator.draw(random_.choices(kinds, weights)[0], random_)
        prompt = encode(sample.prompt)
        yield prompt + encode(sample.answer + END), len(prompt)


def batch(seed: int, step: int, progress: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """(inputs, targets, sample numbers) of shape (rows, length) and the count of trained tokens; target -1 is not trained."""
    rows, length = LONG if step % LONG_EVERY == 0 else SHORT
    inputs = np.full((rows, length), PAD_ID, np.int32)
    targets = np.full((rows, length), -1, np.int32)
    owners = np.full((rows, length), -1, np.int32)
    stream = sample_stream(seed, step, progress)
    waiting: list[tuple[list[int], int]] = []
    for row in range(rows):
        at, number, misses = 0, 0, 0
        while misses < 4:
            ids, prompt_length = waiting.pop() if waiting and misses == 0 else next(stream)
            if len(ids) - 1 > length - at:
                misses += 1
                if len(ids) <= length and len(waiting) < 3:
                    waiting.append((ids, prompt_length))
                continue
            end = at + len(ids) - 1
            inputs[row, at:end] = ids[:-1]
            targets[row, at + prompt_length - 1 : end] = ids[prompt_length:]
            owners[row, at:end] = number
            at, number = end, number + 1
    return inputs, targets, owners, int((targets >= 0).sum())


def rate_at(step: int, steps: int) -> float:
    """Warm up, hold, fall to a fiftieth over the last fifth."""
    warm = min(1.0, (step + 1) / WARMUP_STEPS)
    left = max(0.02, min(1.0, (steps - step) / (steps * 0.2)))
    return PEAK_RATE * warm * left


def save_checkpoint(folder: Path, model: lfm2.Model, optimizer: optim.Optimizer, step: int) -> None:
    """Write weights, optimizer state and step so that an interruption leaves either the old or the new checkpoint."""
    state = {f"model.{k}": v for k, v in tree_flatten(model.parameters())}
    state |= {f"optimizer.{k}": v for k, v in tree_flatten(optimizer.state)}
    part = folder / "checkpoint.part.safetensors"
    mx.save_safetensors(str(part), state, {"step": str(step)})
    part.rename(folder / "checkpoint.safetensors")


def load_checkpoint(folder: Path, model: lfm2.Model, optimizer: optim.Optimizer) -> int:
    """Restore what `save_checkpoint` wrote; 0 when there is none."""
    file = folder / "checkpoint.safetensors"
    if not file.exists():
        return 0
    state, metadata = mx.load(str(file), return_metadata=True)
    model.load_weights([(k[6:], v) for k, v in state.items() if k.startswith("model.")])
    optimizer.state = tree_unflatten([(k[10:], v) for k, v in state.items() if k.startswith("optimizer.")])
    # Evaluate now: lazily loaded arrays cannot be evaluated in the threads.
    mx.eval(model.parameters(), optimizer.state)
    return int(metadata["step"])


def write_model(folder: Path, model: lfm2.Model) -> None:
    """The directory that mlx-lm loads: config, tokenizer, template, weights."""
    write_tokenizer(folder)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=1) + "\n")
    mx.save_safetensors(str(folder / "model.safetensors"), dict(tree_flatten(model.parameters())), {"format": "mlx"})


def main() -> None:
    """Train, printing a line every hundred steps and keeping a checkpoint every five hundred."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=16_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2, help="threads the rows are split over: 1, 2 or 4")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    mx.random.seed(args.seed)
    model = lfm2.Model(lfm2.ModelArgs.from_dict(CONFIG))
    # mlx's default embedding initialisation is too wide for tied outputs.
    model.model.embed_tokens.weight = mx.random.normal((SIZE, CONFIG["hidden_size"])) * 0.05
    optimizer = optim.AdamW(learning_rate=PEAK_RATE, betas=[0.9, 0.98], weight_decay=0.02)
    optimizer.init(model.trainable_parameters())
    mx.eval(model.parameters())
    step = load_checkpoint(args.out, model, optimizer)
    # mlx hands work to a stream a few operations at a time, so two streams overlap only when two
    # threads supply their input.
    pools = [ThreadPoolExecutor(1) for _ in range(args.threads)]

    # value_and_grad swaps tracers into the module while it runs: so each thread has its own module.
    replicas = [lfm2.Model(lfm2.ModelArgs.from_dict(CONFIG)) for _ in pools]

    def part_gradient(replica: lfm2.Model, inputs: np.ndarray, targets: np.ndarray, owners: np.ndarray) -> tuple[mx.array, Any]:
        flat = targets.reshape(-1)
        at = np.flatnonzero(flat >= 0)
        replica.update(model.parameters())
        part = nn.value_and_grad(replica, summed_loss)(replica, mx.array(inputs), mx.array(owners), mx.array(at), mx.array(flat[at]))
        mx.eval(part)
        return part

    started, first, tokens, window = time.time(), step, 0, []
    while step < args.steps:
        inputs, targets, owners, trained = batch(args.seed, step, step / args.steps)
        share = len(inputs) // args.threads
        slices = [slice(index * share, (index + 1) * share) for index in range(args.threads)]
        work = [
            pool.submit(part_gradient, replica, inputs[s], targets[s], owners[s])
            for pool, replica, s in zip(pools, replicas, slices, strict=True)
        ]
        parts = [future.result() for future in work]
        total = tree_map(lambda *leaves, trained=trained: sum(leaves) / trained, *(part[1] for part in parts))
        total, _ = optim.clip_grad_norm(total, 1.0)
        optimizer.learning_rate = rate_at(step, args.steps)
        optimizer.update(model, total)
        loss = sum(part[0] for part in parts) / trained
        mx.eval(model.parameters(), optimizer.state, loss)
        window.append(loss.item())
        tokens += int((owners >= 0).sum())
        step += 1
        if step % 100 == 0:
            speed = tokens / (time.time() - started)
            print(
                f"step={step} loss={sum(window) / len(window):.4f} tok_s={speed:.0f} hours={(time.time() - started) / 3600:.2f}", flush=True
            )
            window = []
        if step % 500 == 0 or step == args.steps:
            save_checkpoint(args.out, model, optimizer, step)
            write_model(args.out / "model", model)
    print(f"done steps={step} from={first} seconds={time.time() - started:.0f}")


if __name__ == "__main__":
    main()
