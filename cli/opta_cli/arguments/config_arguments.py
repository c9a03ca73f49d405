"""`opta config …`, `opta provider …` and `opta account …`."""

from argparse import ArgumentParser

from ..cli_command import CliCommand, json_option, whole

# A copy of `opta_core.provider_settings.PROVIDER_TYPES`, whose import costs more than a command line; a test compares them.
PROVIDER_TYPES = ("openai", "anthropic", "lmx")


def _key(parser: ArgumentParser) -> None:
    parser.add_argument("key", help="as `opta config list` shows it, such as max-steps")


def _set(parser: ArgumentParser) -> None:
    _key(parser)
    parser.add_argument("value")


def _list(parser: ArgumentParser) -> None:
    parser.add_argument("--origin", action="store_true", help="also show the origin of each value")
    json_option(parser)


def _add_provider(parser: ArgumentParser) -> None:
    parser.add_argument("name")
    parser.add_argument("--type", required=True, choices=PROVIDER_TYPES, help="the interface of its server")
    parser.add_argument("--base-url", default="", metavar="URL", help="its address, up to and with /v1")
    parser.add_argument("--host", default="", help="another machine's LMX: HOST or HOST:PORT")
    parser.add_argument("--model", default="", help="the model to use when none is named")
    parser.add_argument("--context", type=whole(1), default=0, metavar="N", help="context length of the model in tokens")
    parser.add_argument("--key-stdin", action="store_true", help="read the key from standard input into the keychain")
    parser.add_argument("--replace", action="store_true", help="replace a provider of this name")


def _name(parser: ArgumentParser) -> None:
    parser.add_argument("name", help="the provider's name")


def _export(parser: ArgumentParser) -> None:
    parser.add_argument("file", help="a new file")


def _import(parser: ArgumentParser) -> None:
    parser.add_argument("file")
    parser.add_argument("--replace", action="store_true", help="also replace existing keys")


COMMANDS = [
    CliCommand("get", "print a value", "commands.config:get", "config get max-steps", _key),
    CliCommand("set", "set a value", "commands.config:set_value", "config set max-steps 100", _set, "lenient", rest="value"),
    CliCommand(
        "unset",
        "remove a value from config.toml, so that its default is used",
        "commands.config:unset",
        "config unset max-steps",
        _key,
        "lenient",
    ),
    CliCommand("list", "list all values", "commands.config:list_values", "config list --origin", _list),
    CliCommand(
        "add-provider",
        "add a provider of models",
        "commands.provider:add",
        "config add-provider box --type openai --base-url http://127.0.0.1:11434/v1",
        _add_provider,
    ),
    CliCommand("remove-provider", "remove a provider of models", "commands.provider:remove", "config remove-provider box", _name),
]

PROVIDERS = [
    CliCommand("list", "list the providers, and how they are", "commands.provider:show", "provider list", json_option),
    CliCommand(
        "add",
        "add a provider of models",
        "commands.provider:add",
        "provider add box --type openai --base-url http://127.0.0.1:11434/v1",
        _add_provider,
    ),
    CliCommand("remove", "remove a provider of models", "commands.provider:remove", "provider remove box", _name),
]

ACCOUNTS = [
    CliCommand(
        "add", "store a provider's key in the keychain; it is read from standard input", "commands.account:add", "account add box", _name
    ),
    CliCommand(
        "rotate",
        "replace a key; the next request of running sessions uses the new key",
        "commands.account:rotate",
        "account rotate box",
        _name,
    ),
    CliCommand("remove", "remove a key", "commands.account:remove", "account remove box", _name),
    CliCommand("list", "list the stored keys, masked", "commands.account:show", "account list", json_option),
    CliCommand(
        "export", "write all keys to a file, encrypted with a passphrase", "commands.account:export", "account export keys.opta", _export
    ),
    CliCommand("import", "store the keys of an exported file", "commands.account:import_keys", "account import keys.opta", _import),
]
