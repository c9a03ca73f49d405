"""An engine starts without the tables of all model architectures; whoever asks for another name of these packages gets it."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.system

PROGRAM = """
import sys
from pathlib import Path
import opta_lmx
from opta_lmx.engine.deferred_packages import DeferredPackage, defer

defer()
from opta_lmx.engine import mlx_adapter

_, tokenizer = mlx_adapter.load_model(str(Path(opta_lmx.__file__).parent / "probe"), lambda done, of: None)[:2]
assert tokenizer.encode("hello")
import transformers
from transformers import AutoTokenizer
assert isinstance(sys.modules["transformers"], DeferredPackage), "loading a model imported all of transformers"
assert isinstance(sys.modules["transformers.models"], DeferredPackage), "loading a model imported the table of all models"
before = dict(sys.modules)

from transformers.models.llama.configuration_llama import LlamaConfig
assert transformers.LlamaConfig is LlamaConfig
assert not isinstance(sys.modules["transformers"], DeferredPackage)
assert transformers.models.llama.LlamaConfig is LlamaConfig
assert transformers.AutoTokenizer is AutoTokenizer is sys.modules["transformers"].AutoTokenizer
assert transformers.__version__ == sys.modules["transformers"].__version__
assert not hasattr(transformers, "NoSuchName") and not hasattr(transformers.models, "no_such_model")
moved = [name for name in before if name.startswith("transformers.") and sys.modules[name] is not before[name]]
assert moved == ["transformers.models"], moved
assert tokenizer.encode("hello")
"""


def test_an_engine_starts_without_the_tables_of_transformers_and_any_other_name_of_it_is_found() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
