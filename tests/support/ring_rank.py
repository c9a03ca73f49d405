"""One rank of a ring, under `mlx.launch`: answers some orders, and rank 0 prints the texts as JSON. `ring_rank.py FOLDER`"""

import json
import sys
from pathlib import Path

from support.served import Served

ORDERS = [
    {"messages": [{"role": "user", "content": "tell me of the sea " * 20}], "max_tokens": 30},
    {"messages": [{"role": "user", "content": "and of ships"}], "max_tokens": 20, "temperature": 1.2, "seed": 5},
]

if __name__ == "__main__":
    served = Served(Path(sys.argv[1]))
    texts = [text for text, _, _ in served.ask(*ORDERS)]
    if not served.engine.ranks.number:
        print("TEXTS", json.dumps(texts), flush=True)
