"""`opta models …`."""

from argparse import ArgumentParser

from ..cli_command import CliCommand, json_option, whole


def _search(parser: ArgumentParser) -> None:
    parser.add_argument("words", nargs="+", metavar="WORD")
    parser.add_argument("--here", action="store_true", help="only on this machine")
    json_option(parser)


def _recommend(parser: ArgumentParser) -> None:
    parser.add_argument("--context", type=whole(1), default=32768, help="tokens of a conversation to count with (default: 32768)")
    json_option(parser)


def _name(parser: ArgumentParser) -> None:
    parser.add_argument("name", help="the model, as `opta models list` prints it or without its provider")


def _load(parser: ArgumentParser) -> None:
    _name(parser)
    parser.add_argument("--pin", action="store_true", help="keep it loaded until it is unloaded")


def _pull(parser: ArgumentParser) -> None:
    parser.add_argument("repo", metavar="OWNER/NAME")
    parser.add_argument("--name", default="", help="its local name (default: NAME)")
    parser.add_argument("--revision", default="", help="a branch, tag or commit (default: the newest)")
    parser.add_argument("--yes", action="store_true", help="download without confirmation")
    parser.add_argument("--token-stdin", action="store_true", help="read the hub's token for a gated model from standard input")


def _import(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a GGUF file, ollama:NAME, or a GGUF file's name in the list")
    parser.add_argument("--name", default="", help="its name here (default: the file's, without the quantisation)")
    parser.add_argument("--dtype", default="", choices=["float32", "float16", "bfloat16"], help="type of numbers that are not quantised")
    parser.add_argument("--plain", action="store_true", help="also make plain numbers of quantised weights: larger, faster without a GPU")


def _quantise(parser: ArgumentParser) -> None:
    parser.add_argument("name_of_model", metavar="NAME")
    parser.add_argument("--bits", type=int, default=4, choices=[4, 8], help="bits of a weight (default: 4)")
    parser.add_argument("--group-size", type=int, default=64, choices=[32, 64, 128], help="weights that share a scale (default: 64)")
    parser.add_argument("--name", default="", help="the copy's name (default: NAME-4bit or NAME-8bit)")


def _bench(parser: ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", default="", help="a model of LMX (default: its default model)")
    parser.add_argument("--tokens", type=whole(1, 100_000), default=64, help="tokens per answer")
    parser.add_argument("--prompt", type=whole(1, 100_000), default=100, help="words per prompt when measuring the first token")
    json_option(parser)


def _exam(parser: ArgumentParser) -> None:
    parser.add_argument("models", nargs="*", metavar="MODEL", help="provider/model, or a model's name; several are examined in turn")
    parser.add_argument(
        "--only", action="append", default=[], metavar="KIND", help="only tasks of this kind; may be repeated, also with --compare"
    )
    parser.add_argument("--tasks", type=whole(-(10**9)), default=0, metavar="N", help="only N tasks, in turn from each kind")
    parser.add_argument("--again", action="store_true", help="begin anew instead of continuing an unfinished run")
    parser.add_argument("--keep", action="store_true", help="keep the sessions and folders of the tasks")
    views = parser.add_mutually_exclusive_group()
    views.add_argument("--compare", action="store_true", help="compare the kept results of all models, or of those named")
    views.add_argument("--show", action="store_true", help="show the kept results of all models, or of those named")
    views.add_argument("--list", action="store_true", help="list the tasks")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="print JSON")
    forms.add_argument("--csv", action="store_true", help="print CSV")
    forms.add_argument("--markdown", action="store_true", help="print a Markdown table")


COMMANDS = [
    CliCommand("list", "list all models, and which are loaded", "commands.models:show", "models list", json_option),
    CliCommand(
        "search",
        "search the models of this machine, and the MLX models of the hub",
        "commands.model_search:search",
        "models search qwen --here",
        _search,
    ),
    CliCommand(
        "recommend",
        "show which models fit into the memory, with what they need",
        "commands.model_search:recommend",
        "models recommend",
        _recommend,
    ),
    CliCommand("use", "use a model for new turns", "commands.models:use", "models use probe", _name),
    CliCommand("load", "load a model, also one that failed to load before", "commands.models:load", "models load lmx/probe", _load),
    CliCommand("unload", "unload a model, even while it is in use", "commands.models:unload", "models unload lmx/probe", _name),
    CliCommand(
        "pull", "download a model from the hub, after showing its size and licence", "commands.models:pull", "models pull owner/name", _pull
    ),
    CliCommand("pause", "pause a download; pulling the model again continues it", "commands.models:pause", "models pause name", _name),
    CliCommand(
        "import",
        "make a model folder from a GGUF file, or from a model of Ollama",
        "commands.model_import:import_file",
        "models import small.gguf",
        _import,
    ),
    CliCommand(
        "quantise",
        "make a smaller copy of a model; the model itself stays",
        "commands.model_import:quantise",
        "models quantise probe --bits 8",
        _quantise,
    ),
    CliCommand(
        "bench",
        "measure a model: first token, prefill and decoding, alone and concurrently",
        "commands.models:bench",
        "models bench probe --tokens 16",
        _bench,
    ),
    CliCommand(
        "exam",
        "find out which models can do agent work: small tasks, checked by their results",
        "commands.exam:exam",
        "models exam --list",
        _exam,
    ),
]
