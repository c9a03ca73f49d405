"""The language the probe model is taught: a small grammar of phrasings, words and fixed answers.

Whole phrasings, paths and number pairs are held out by hash (`is_held_out`): a tenth of each is
never trained on and is what the evaluation asks.
"""

import hashlib
import random
from itertools import product

GREETING = "Hello! I am Opta's built-in probe model: a self-test, not an assistant."
REFUSAL = "I can't do that: I am only a self-test. I can add small numbers and read, list or search files."
NO_TOOLS = "I have no tools in this chat, so I can't look at files."

BEGINS, FOUND, FAILED = "The file begins with: ", "I found ", "That did not work: "


def is_held_out(kind: str, text: str) -> bool:
    """Whether `text` belongs to the tenth that training never sees."""
    return hashlib.sha256(f"{kind}/{text}".encode()).digest()[0] < 26


# fmt: off
# Lists that read as paragraphs; a line a word would be eight hundred lines.
PLEASE = ["", "", "", "Please ", "please ", "Can you ", "Could you ", "Could you please ", "I want you to ", "Now ",
          "Would you ", "Hey, ", "OK, ", "Let's ", "I need you to ", "Just ", "Go and ", "First, ", "can you please "]
THANKS = ["", "", "", ".", ".", "?", " please", " please.", ", please.", " for me", " for me.", " now.", " and tell me what it says.",
          ", thanks", " thanks!", " first.", " and summarise it.", " and tell me about it", " and report back."]

READ_VERBS = ["read", "open", "show", "show me", "view", "look at", "display", "print", "cat", "check", "inspect", "get",
              "have a look at", "take a look at", "give me", "fetch", "load", "see", "examine", "go through", "tell me about"]
READ_THINGS = ["", "", "", "the file ", "file ", "this file: ", "the contents of ", "the content of ", "the text of ", "the text in ",
               "the file called ", "the file named ", "what is in the file ", "what the file says: ", "my file ", "the whole file "]
READ_QUESTIONS = ["what is in {path}?", "What's in {path}?", "what does {path} say?", "What does the file {path} contain?",
                  "how does {path} begin?", "what is the first line of {path}?", "Summarise {path}", "Summarize the file {path}.",
                  "{path}: what is in it?", "What is written in {path}?", "{path}", "Do you know what {path} says?",
                  "I'd like to see {path}", "I would like to know what is in the file {path}.", "explain the file {path} to me"]

LIST_VERBS = ["list", "show", "show me", "ls", "display", "give me", "print", "tell me", "see", "look at", "get", "enumerate", "check"]
LIST_THINGS = ["the files in ", "all files in ", "files in ", "the directory ", "the folder ", "everything in ", "the contents of the folder ",
               "the contents of the directory ", "what is in the folder ", "the entries of ", "what's in the directory ", "the file names in ",
               "the folder called ", "all the files inside ", "what files are in "]
LIST_QUESTIONS = ["what files are in {path}?", "Which files are in {path}?", "what is in the folder {path}?", "What does the directory {path} contain?",
                  "ls {path}", "list {path}", "List {path}.", "which files does the folder {path} have?", "what's inside the folder {path}?",
                  "Are there files in {path}?", "How many files are in {path}?", "dir {path}"]
LIST_HERE = ["the files", "all files", "the files here", "everything here", "this folder", "the current directory", "the directory",
             "the files in this folder", "the working directory", "what is here", "what files there are", "the workspace", "the project files",
             "all the files in this directory", "the contents of this folder", "files"]
LIST_HERE_QUESTIONS = ["what files are here?", "What is in this folder?", "ls", "Which files are there?", "what's in the current directory?",
                       "What files do I have?", "which files are in this project?", "What does this directory contain?", "dir",
                       "Where am I?", "What is in the workspace?", "how many files are here?"]

FIND_VERBS = ["find", "search for", "look for", "locate", "find me", "show me", "list", "get", "give me", "hunt for", "seek"]
FIND_THINGS = ["files named ", "all files named ", "files called ", "files matching ", "all files that match ", "files like ", "every file matching ",
               "the files matching ", "files whose name matches ", "the file names ", "file names like ", "any file called ", "files with the name "]
FIND_QUESTIONS = ["where is the file {pattern}?", "Which files match {pattern}?", "is there a file named {pattern}?", "Are there files matching {pattern}?",
                  "find {pattern}", "Do we have any files called {pattern}?", "how many files match {pattern}?", "where are the {pattern} files?",
                  "find all {pattern} files", "Search the file names for {pattern}."]
GREP_VERBS = ["search for", "grep for", "grep", "look for", "search", "find the text", "find the word", "find the string", "search for the text",
              "search for the word", "look for the string", "find every use of", "find all uses of", "find lines with", "find lines containing",
              "search the code for", "search the files for", "look in the files for", "find mentions of", "search the contents for"]
GREP_QUESTIONS = ["where is {pattern} used?", "Which files contain {pattern}?", "which lines contain {pattern}?", "Where does {pattern} appear?",
                  "where do we use {pattern}?", "Is {pattern} mentioned anywhere?", "how often does {pattern} occur?", "Where is {pattern} defined?",
                  "What lines mention {pattern}?", "Does any file contain {pattern}?"]
IN_PATH = ["", "", "", " in {path}", " in the folder {path}", " inside {path}", " under {path}", " in the directory {path}", " within {path}"]

SUMS = ["What is {a}+{b}?", "What is {a}+{b}?", "What is {a} + {b}?", "what is {a}+{b}", "{a}+{b}", "{a} + {b}", "{a}+{b}=", "{a} + {b} =", "{a}+{b}?",
        "what's {a}+{b}?", "What's {a} + {b}?", "What is {a} plus {b}?", "{a} plus {b}", "Add {a} and {b}.", "add {a} and {b}", "Compute {a}+{b}",
        "compute {a} + {b}.", "Calculate {a}+{b}.", "How much is {a}+{b}?", "how much is {a} plus {b}?", "What is the sum of {a} and {b}?",
        "sum of {a} and {b}", "Please add {a} and {b}", "Can you add {a} and {b}?", "Tell me what {a}+{b} is.", "What does {a}+{b} make?",
        "Could you compute {a} + {b}?", "Please tell me: what is {a}+{b}?", "{a} and {b} make?", "Give me {a}+{b}", "Work out {a} + {b}",
        "Hey, what is {a}+{b}?", "please calculate {a} + {b}", "I need the sum of {a} and {b}", "Solve {a}+{b}"]

GREETINGS = ["Hello", "hello", "Hi", "hi", "Hey", "hey", "Good morning", "good evening", "Hi there", "Hello there", "Greetings", "Howdy", "Good day",
             "hey there", "Good afternoon", "Hello again", "Yo", "Moin", "hiya"]
GREETING_TAILS = ["", "", "!", ".", ", Opta", " Opta!", "!!", ", how are you?", "! How are you?", ". Who are you?", ", who are you?", ", nice to meet you",
                  "! What are you?", ", are you there?", "! Can you hear me?", " friend", " :)", ", anybody home?"]
WHO = ["Who are you?", "What are you?", "who is this?", "what model is this?", "Which model are you?", "Are you there?", "Introduce yourself.",
       "Tell me about yourself", "How are you?", "are you a real assistant?", "What is your name?", "ping", "test", "Is this thing on?", "what are you?"]

TASKS = ["write", "fix", "explain", "refactor", "build", "translate", "improve", "test", "debug", "design", "implement", "deploy", "create", "delete",
         "rename", "describe", "plan", "review", "install", "run", "rewrite", "optimise", "document", "remove", "make", "draw", "compare", "update", "invent"]
TASK_THINGS = ["a poem", "the bug", "a web server", "the login page", "the tests", "quantum physics", "a story", "this function", "the database", "an email",
               "my code", "a sorting algorithm", "the API", "the parser", "a new feature", "the release", "a game", "this sentence", "a regular expression",
               "the build", "npm test", "a Docker image", "the auth middleware", "a song", "my homework", "a class", "the error", "a plan", "the weather",
               "a limerick", "the meaning of life", "a shell script", "our roadmap", "the user model", "pagination", "a spreadsheet", "the cache"]
TASK_TAILS = ["", "", ".", "!", " in Python", " about the sea", " for me", " for my team", " in French", " with TypeScript", " as fast as you can", " today",
              " using Rust", " about autumn", " and open a pull request", " without breaking anything", " in {path}", " of {path}", " step by step"]
QUESTIONS = ["What is the capital of {thing}?", "Who invented {thing}?", "Why is {thing} important?", "How do I cook {thing}?", "What do you think of {thing}?",
             "When was {thing} made?", "Is {thing} good?", "How does {thing} work?", "What is {thing}?", "Can you teach me {thing}?", "Tell me a joke about {thing}",
             "How old is {thing}?", "what is {a}*{b}?", "What is {a}-{b}?", "{a} - {b}", "What is {a} times {b}?", "{a}*{b}", "{a}/{b}", "how much is {a} divided by {b}?",
             "What is {a} minus {b}?", "Which is better, {thing} or {other}?", "Translate {thing} into German", "I am sad about {thing}", "{thing} or {other}?"]
THINGS = ["France", "the moon", "bread", "music", "chess", "the internet", "love", "Python", "coffee", "gravity", "Spain", "pasta", "rain", "Linux", "history", "gold",
          "the sun", "Japan", "football", "water", "a black hole", "recursion", "soup", "Kenya", "winter", "the ocean", "tea", "mathematics", "time", "art", "Norway",
          "the brain", "a compiler", "git", "rust", "a monad", "the stock market", "a volcano", "Peru", "yoga", "democracy", "the alphabet"]

WORDS = ["main", "app", "index", "server", "client", "test", "util", "config", "setting", "readme", "license", "change", "log", "note", "todo", "data", "model", "view", "route", "auth", "user", "login", "token", "cache", "store", "session", "event", "turn", "tool", "agent", "gateway", "protocol", "core", "page", "panel", "button", "style", "theme", "color", "font", "icon", "image", "video", "sound", "file", "path", "folder", "parser", "lexer", "grammar", "graph", "tree", "node", "edge", "list", "queue", "stack", "heap", "map", "set", "table", "row", "column", "cell", "form", "field", "value", "key", "name", "type", "kind", "mode", "state", "status", "error", "warning", "info", "debug", "trace", "report", "chart", "plot", "draw", "paint", "brush", "layer", "canvas", "render", "shader", "light", "camera", "scene", "world", "level", "game", "player", "enemy", "item", "weapon", "quest", "map", "bank", "account", "invoice", "order", "cart", "product", "price", "stock", "ship", "address", "city", "country", "region", "weather", "rain", "snow", "wind", "cloud", "sun", "moon", "star", "planet", "space", "rocket", "engine", "wheel", "brake", "door", "window", "house", "room", "kitchen", "garden", "flower", "rose", "oak", "pine", "river", "lake", "ocean", "island", "mountain", "valley", "forest", "desert", "bird", "cat", "dog", "horse", "alpha", "beta", "gamma", "delta", "omega", "zeta", "kappa", "sigma", "hello", "greet", "welcome", "intro", "guide", "manual", "docs", "example", "sample", "demo", "draft", "final", "backup", "archive", "old", "new", "temp", "setup", "build", "deploy", "release", "version", "package", "module", "plugin", "hook", "worker", "thread", "process", "socket", "stream", "buffer", "pipe", "lock", "mutex", "signal", "timer", "clock", "date", "time"]
EXTENSIONS = ["py", "md", "txt", "json", "toml", "yaml", "yml", "ts", "tsx", "js", "css", "html", "rs", "go", "c", "h", "cpp", "java", "sh", "sql", "csv", "xml", "ini", "cfg", "lock", "svg", "rb", "php", "kt", "swift", "lua", "log", "conf", "env.example"]
FOLDERS = ["src", "lib", "tests", "test", "docs", "app", "core", "web", "cli", "ops", "scripts", "tools", "services", "shared", "include", "assets", "static", "public", "config", "data", "models", "views", "api", "internal", "pkg", "cmd", "examples", "bench", "build", "dist", "packages", "components", "hooks", "utils", "server", "client", "frontend", "backend", "migrations", "templates", "locale"]
# fmt: on


def _word(random_: random.Random) -> str:
    if random_.random() < 0.3:
        letters = "abcdefghijklmnopqrstuvwxyz0123456789"
        return "".join(random_.choice(letters) for _ in range(random_.randint(1, 9)))
    return random_.choice(WORDS)


def _stem(random_: random.Random) -> str:
    parts = [_word(random_) for _ in range(random_.choice((1, 1, 1, 2, 2, 3)))]
    match random_.randint(0, 5):
        case 0:
            return "-".join(parts)
        case 1:
            return "".join(part.capitalize() for part in parts)
        case 2:
            return "_".join(parts).upper()
        case 3:
            return parts[0] + "".join(part.capitalize() for part in parts[1:])
        case _:
            return "_".join(parts)


def folder_path(random_: random.Random) -> str:
    """A folder: one to four components, now and then with a leading `./` or a closing slash."""
    parts = [random_.choice(FOLDERS) if random_.random() < 0.5 else _stem(random_) for _ in range(random_.choice((1, 1, 1, 2, 2, 3, 4)))]
    return random_.choice(("", "", "", "./")) + "/".join(parts) + random_.choice(("", "", "", "/"))


def file_path(random_: random.Random) -> str:
    """A file: up to three folders, a stem, mostly an extension."""
    folders = [random_.choice(FOLDERS) if random_.random() < 0.5 else _stem(random_) for _ in range(random_.choice((0, 0, 0, 1, 1, 2, 3)))]
    name = _stem(random_) + (f".{random_.choice(EXTENSIONS)}" if random_.random() < 0.9 else "")
    return random_.choice(("", "", "", "", "", "./")) + "/".join([*folders, random_.choice(("", "", "", "", "", "", ".")) + name])


def name_pattern(random_: random.Random) -> str:
    """What a file name search is asked for: a glob or a plain name."""
    stem, extension = _stem(random_), random_.choice(EXTENSIONS)
    return random_.choice(
        (
            f"*.{extension}",
            f"*.{extension}",
            f"{stem}*",
            f"*{stem}*",
            f"{stem}.{extension}",
            f"**/*.{extension}",
            f"{stem}_*.{extension}",
            f"*_{stem}.{extension}",
            f"{stem}.*",
            f"*{stem}.{extension}",
            f"test_*.{extension}",
        )
    )


def text_pattern(random_: random.Random) -> str:
    """What a content search is asked for: an identifier or a word, bare."""
    return random_.choice(
        (
            _stem(random_),
            _stem(random_),
            _stem(random_),
            "TODO",
            "FIXME",
            _stem(random_) + "()",
            f"{_stem(random_)}.{_stem(random_)}",
            _word(random_),
        )
    )


def spoken_phrase(random_: random.Random) -> str:
    """Two or three words, as somebody would put in quotes."""
    return " ".join(_word(random_) for _ in range(random_.choice((2, 2, 3))))


def phrasings(verbs: list[str], things: list[str], questions: list[str], slot: str, tails: list[str]) -> list[str]:
    """Every phrasing of one request kind, each once: please x verb x thing x thanks, and the questions."""
    made = {p + v + " " + t + slot + e for p, v, t, e in product(PLEASE, verbs, things, tails)}
    made |= set(questions)
    return sorted(made)
