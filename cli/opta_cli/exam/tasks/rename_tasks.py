"""Rename something in every file that uses it, and nothing that only looks like it."""

from ..exam_checks import file_is, gone, only_changed
from ..exam_task import ExamTask

_ITEMS = {
    "store/items.py": (
        "def load_items(path):\n    with open(path) as file:\n        return file.read().split()\n\n\n"
        "def reload_items(path):\n    return load_items(path)\n\n\n"
        "def load_items_legacy(path):\n    return []\n"
    ),
    "store/__init__.py": 'from store.items import load_items, load_items_legacy\n\n__all__ = ["load_items", "load_items_legacy"]\n',
    "app.py": "from store import load_items\n\nprint(len(load_items('items.txt')))\n",
    "jobs/sync.py": "import store.items\n\n\ndef sync():\n    store.items.reload_items('a')\n    return store.items.load_items('b')\n",
    "tests/test_items.py": "from store.items import load_items\n\n\ndef test_load():\n    assert load_items('items.txt') == ['a', 'b']\n",
}
_OLD_LOG = "# Changes\n\n* 1.1: load_items reads faster.\n"
_DOCS = {
    "README.md": "# Ferry\n\nSee [the set-up](docs/setup.md) and [the use](docs/use.md).\n",
    "docs/use.md": "# Use\n\nFirst do the [set-up](setup.md). The word setup.md-like is no link.\n",
    "docs/faq.md": "# Questions\n\n* Does it need a set-up? See [here](./setup.md#ports).\n",
}
_SETUP = "# Set-up\n\nGo on with [the use](use.md).\n\n## Ports\n\n7001 to 7004.\n"
_SETTINGS = {
    "settings.toml": '[server]\nmax_conn = 40\nmax_conn_idle = 5\nname = "ferry"\n',
    "server.py": (
        "import tomllib\n\n\ndef limits(text):\n    server = tomllib.loads(text)['server']\n"
        "    return server['max_conn'], server['max_conn_idle']\n"
    ),
    "docs/settings.md": "| setting | meaning |\n|---|---|\n| max_conn | connections at once |\n| max_conn_idle | of these, idle |\n",
}
_CART = {
    "cart.py": "class Basket:\n    def __init__(self):\n        self.rows = []\n\n    def copy(self):\n        other = Basket()\n        other.rows = list(self.rows)\n        return other\n",
    "weaving.py": "class BasketWeaving:\n    material = 'reed'\n",
    "shop.py": "from cart import Basket as CurrentBasket\nfrom weaving import BasketWeaving\n\n\ndef begin():\n    return CurrentBasket(), BasketWeaving.material\n",
    "test_cart.py": "import cart\n\n\ndef test_copy():\n    basket = cart.Basket()\n    assert isinstance(basket.copy(), cart.Basket)\n",
}


def _renamed_items(text: str) -> str:
    for kept in ("reload_items", "load_items_legacy"):
        text = text.replace(kept, kept.replace("load", "LOAD"))
    return text.replace("load_items", "read_items").replace("LOAD", "load")


def _renamed_setting(text: str) -> str:
    return text.replace("max_conn_idle", "IDLE").replace("max_conn", "max_connections").replace("IDLE", "max_conn_idle")


_CART_AFTER = {
    "cart.py": _CART["cart.py"].replace("Basket", "Cart"),
    "shop.py": _CART["shop.py"].replace("import Basket as", "import Cart as"),
    "test_cart.py": _CART["test_cart.py"].replace("cart.Basket", "cart.Cart"),
}

RENAME_TASKS: tuple[ExamTask, ...] = (
    ExamTask(
        id="rename-function",
        kind="rename",
        prompts=(
            "Rename the function load_items to read_items in all code of this folder, with everything that uses it. Functions with longer "
            "names stay, and so does CHANGES.md, which is history.",
        ),
        files={**_ITEMS, "CHANGES.md": _OLD_LOG, "items.txt": "a b\n"},
        checks=(*(file_is(name, _renamed_items(text)) for name, text in _ITEMS.items()), only_changed(*_ITEMS)),
    ),
    ExamTask(
        id="rename-file-with-links",
        kind="rename",
        prompts=(
            "Rename docs/setup.md to docs/install.md, and correct every link to it. Change nothing else; text that is no link stays.",
        ),
        files={**_DOCS, "docs/setup.md": _SETUP},
        checks=(
            file_is("docs/install.md", _SETUP),
            gone("docs/setup.md"),
            file_is("README.md", _DOCS["README.md"].replace("docs/setup.md", "docs/install.md")),
            file_is("docs/use.md", _DOCS["docs/use.md"].replace("(setup.md)", "(install.md)")),
            file_is("docs/faq.md", _DOCS["docs/faq.md"].replace("./setup.md", "./install.md")),
            only_changed("docs/setup.md", "docs/install.md", *_DOCS),
        ),
        programs=("mv",),
    ),
    ExamTask(
        id="rename-setting",
        kind="rename",
        prompts=("Rename the setting max_conn to max_connections, in the file, the code and the documents. max_conn_idle keeps its name.",),
        files=_SETTINGS,
        checks=(*(file_is(name, _renamed_setting(text)) for name, text in _SETTINGS.items()), only_changed(*_SETTINGS)),
    ),
    ExamTask(
        id="rename-class",
        kind="rename",
        prompts=(
            "Rename the class Basket to Cart everywhere. Names of variables, of modules, of the class BasketWeaving and the alias "
            "CurrentBasket stay as they are.",
        ),
        files=_CART,
        checks=(*(file_is(name, text) for name, text in _CART_AFTER.items()), only_changed(*_CART_AFTER)),
    ),
)
