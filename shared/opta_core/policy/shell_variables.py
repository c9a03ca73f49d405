"""What setting a shell variable does to the programs of a line. Many variables make programs run, load or read something else.

A name of the tables asks, unless its value is harmless. Any other name belongs to the project and only its own programs read it.
"""

import fnmatch
import os
import re

# Names and globs, by what reads them.
TABLE = """
the loader : LD_* DYLD_* GCONV_PATH GLIBC_TUNABLES LOCPATH NLSPATH GETCONF_DIR MALLOC_* RESOLV_* HOSTALIASES LOCALDOMAIN
the shell : PATH BASH* ENV IFS CDPATH SHELL SHELLOPTS PS4 PS0 PS1 PROMPT_COMMAND GLOBIGNORE HISTFILE HISTCMD FPATH ZDOTDIR POSIXLY_CORRECT EXECIGNORE INPUTRC MAIL* OLDPWD PWD OPTIND TIMEFORMAT FUNCNEST
where programs find settings : HOME XDG_* TMPDIR TEMP TMP CURL_HOME WGETRC NETRC RIPGREP_CONFIG_PATH GREP_OPTIONS ACKRC TERMINFO* TERMCAP OPENSSL_* SSL_* SSLKEYLOGFILE INIT EXINIT VIMINIT GVIMINIT MYVIMRC EMACSLOADPATH
programs that others start : *PAGER *EDITOR VISUAL FCEDIT BROWSER LESS LESSOPEN LESSCLOSE LESSKEY* MANOPT MANPAGER *ASKPASS *_SHELL *_COMMAND RSYNC_RSH CVS_RSH TAR_OPTIONS GZIP XZ_* ZSTD_*
git : GIT_* GITHUB_* GH_* SSH_* GPG_* GNUPGHOME HG* SVN_*
Python : PYTHON* PYTEST_* COVERAGE_* PIP_* UV_* VIRTUAL_ENV CONDA_* POETRY_* PDM_* TOX_* NOX_* PIPENV_* HATCH_* MYPY* RUFF_* SETUPTOOLS_*
JavaScript : NODE_OPTIONS NODE_PATH NODE_REPL_* NODE_EXTRA_CA_CERTS npm_* NPM_* YARN_* PNPM_* BUN_* DENO_* COREPACK_* ELECTRON_* ESLINT_* JEST_*
compilers : CC CXX CPP LD AR AS NM RANLIB STRIP OBJCOPY CC_* CXX_* *FLAGS *_FLAGS MAKEFILES MAKESHELL MAKE GNUMAKEFLAGS CMAKE_* PKG_CONFIG* COMPILER_PATH LIBRARY_PATH CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH GCC_* CCACHE_* DISTCC_* LIBPATH
Rust : CARGO CARGO_* RUSTC RUSTC_* RUSTDOC* RUSTUP_* RUSTFLAGS
Go : GO GOROOT GOPATH GOBIN GOENV GOTOOL* GOPROXY GOPRIVATE GONO* GOINSECURE GOVCS GOSUMDB GOCACHE GOMODCACHE GOWORK GOEXPERIMENT CGO_*
Java : JAVA_* _JAVA_OPTIONS JDK_* CLASSPATH MAVEN_* MVN_* GRADLE_* ANT_* SBT_* KOTLIN_* GROOVY_* LEIN_*
other languages : PERL* RUBY* GEM_* BUNDLE_* RAKE* PHPRC PHP_* LUA_* JULIA_* R_* TCL* GUILE_* RACKET* GHC* CABAL_* STACK_* ERL_* ELIXIR_* MIX_* DOTNET_* NUGET_* MONO_* SWIFT_* AWKPATH AWKLIBPATH DC_* BC_*
the network : *_proxy *_PROXY DOCKER_* KUBECONFIG KUBE_* AWS_* AZURE_* GOOGLE_* GCLOUD_* CLOUDSDK_* DISPLAY DBUS_* XAUTHORITY WAYLAND_*
Opta : OPTA_* LMX_*
"""
_READERS = tuple((reader, tuple(names.split())) for line in TABLE.strip().splitlines() for reader, _, names in [line.partition(" : ")])

# Of the names above, those whose values do nothing but switch or count; the pattern is for the whole value.
_HARMLESS = (
    (r"PYTHON(UNBUFFERED|DONTWRITEBYTECODE|HASHSEED|UTF8|IOENCODING|WARNINGS|FAULTHANDLER|OPTIMIZE|TRACEMALLOC|DEVMODE|NOUSERSITE)", r"[\w:,-]*"),
    (r"(GIT_|MAN)?PAGER", r"|cat"),
    (r"(GIT_|GIT_SEQUENCE_)?EDITOR|VISUAL", r"|true|:"),
    (r"GIT_(TERMINAL_PROMPT|OPTIONAL_LOCKS|PAGER_IN_USE)", r"\d*"),
    (r"GIT_(AUTHOR|COMMITTER)_(NAME|EMAIL|DATE)", r".*"),
    (r"NODE_OPTIONS", r"--max[-_]old[-_]space[-_]size=\d+|--no-warnings|--no-deprecation|--trace-warnings|--experimental-vm-modules"),
    (r"CARGO_(TERM_COLOR|TERM_PROGRESS_WHEN|TERM_VERBOSE|TERM_QUIET|INCREMENTAL|BUILD_JOBS|NET_OFFLINE)", r"\w*"),
    (r"RUSTFLAGS|RUSTDOCFLAGS", r"(-[DWA] ?[\w:-]+ ?)*"),
    (r"C(PP|XX)?FLAGS", r"(-(O[0-3sg]?|g\d?|W[a-z-]*|std=[\w+]+|D\w+(=\w+)?) ?)*"),
    (r"CGO_ENABLED|GOEXPERIMENT|GOWORK", r"[01]|off|"),
    (r"GOFLAGS", r"-(mod=(mod|vendor|readonly)|count=\d+|v|race)"),
    (r"PYTEST_(DISABLE_PLUGIN_AUTOLOAD|XDIST_WORKER_COUNT)", r"\d*"),
    (r"PYTEST_ADDOPTS", r"(-(q+|v+|x|s|rA|ra)|--tb=\w+|--maxfail=\d+|--color=\w+|--no-header|--lf|--ff| )*"),
    (r"MIX_ENV|DOTNET_(CLI_TELEMETRY_OPTOUT|NOLOGO)|JEST_WORKER_ID|PERL_BADLANG|RUFF_NO_CACHE|RUFF_OUTPUT_FORMAT|ESLINT_USE_FLAT_CONFIG", r"\w*"),
    (r"MALLOC_(ARENA_MAX|CHECK_|PERTURB_)", r"\d*"),
    (r"npm_config_(loglevel|audit|fund|update_notifier|progress|color|yes)|NPM_CONFIG_(LOGLEVEL|AUDIT|FUND|PROGRESS|COLOR)", r"\w*"),
    (r"CC|CXX", r"gcc|g\+\+|clang|clang\+\+|cc|c\+\+"),
    (r"TIMEFORMAT|PS4", r"[^$`\\]*"),
)  # fmt: skip
_SEARCHED = frozenset({"PYTHONPATH", "NODE_PATH", "RUBYLIB", "PERL5LIB"})
_NAME = re.compile(r"[A-Za-z_]\w*\Z")


def problem_of(name: str, value: str | None) -> str:
    """Why setting `name` asks a person; '' when it does not. `value`: None when it is computed."""
    if not _NAME.match(name):
        return f"{name[:40]} is a variable of a kind that is not judged"
    reader = next((reader for reader, globs in _READERS if any(fnmatch.fnmatchcase(name, glob) for glob in globs)), "")
    if not reader:
        return ""
    if value is not None:
        if any(re.fullmatch(names, name) and re.fullmatch(values, value) for names, values in _HARMLESS):
            return ""
        if name in _SEARCHED and all(map(_is_below, value.split(os.pathsep))):
            return ""
    return f"the variable {name} changes what {reader} runs or reads" if " " not in reader else f"the variable {name} changes {reader}"


def _is_below(folder: str) -> bool:
    """Whether a folder of a search path surely lies in the workspace: relative, and without a way up."""
    return bool(re.fullmatch(r"[\w.][\w./-]*", folder)) and ".." not in folder.split("/")
