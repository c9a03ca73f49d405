"""What the name of a program says about it: whether it runs other programs, and whether it needs the network."""

import os
import re

from .option_specs import spec_of
from .option_words import after, by_program, entries_of, is_triggered, read, subcommands
from .program_names import MULTICALL, names_of

# Shell builtins that neither evaluate their words nor change later commands, except for the working directory.
BUILTINS = frozenset({"cd", "echo", "false", "pwd", "true"})

# Programs that run the program named in their words, so their own name says nothing about the effect.
WRAPPERS = frozenset(
    """
    ash bash busybox chpst chroot chrt cmd command coproc csh dash doas env eval exec fakeroot fish flock ionice ksh nice nohup
    nsenter parallel pkexec powershell pwsh rlwrap runuser script setpriv setsid sg sh ssh sshpass start-stop-daemon stdbuf strace
    su sudo systemd-run taskset tcsh time timeout trap tsp unbuffer unshare watch xargs zsh expect gdb ltrace perf valgrind proot
    bwrap docker podman kubectl tmux screen at batch crontab entr nix-shell toolbox distrobox flatpak snap prlimit setarch linux32
    linux64 i386 x86_64 ssh-agent dbus-run-session poetry bundle pdm hatch rye pipenv tox nox direnv asdf mise volta fnm nvm
    corepack lldb catchsegv numactl cpulimit fakechroot faketime socat nc ncat netcat telnet ftp sftp scp rsh mosh vim vi nvim emacs
    nano ed ex view pico micro hx
    toybox coreutils uutils sbase-box ubase-box chronic ifne pee logsave gosu su-exec tini dumb-init setuidgid envuidgid envdir softlimit setlock
    runcon newgrp capsh firejail systemd-nspawn systemd-inhibit systemd-cat machinectl run0 watchexec entr nodemon hyperfine reflex modd air
    xonsh nu elvish yash rbash mksh lksh pdksh posh oksh oil osh ysh dtach abduco zellij byobu foreman honcho overmind hivemind goreman
    concurrently npm-run-all run-s run-p dotenv cross-env env-cmd dc m4 wine mono box64 qemu-user jchroot arch-chroot schroot dchroot
    pdsh clush dsh pssh ansible fab salt rush moreutils-parallel sem caffeinate chpst runuser doas sudoedit visudo vipw crontab at
    ccache distcc sccache icecc scan-build intercept-build bear compiledb nyc c8 rdmd multitime choom aoss agetty genie grc cdist proxychains
    proxychains4 torify torsocks tsocks eatmydata nocache cgexec aa-exec libtool ld.so pkgx sotruss mtrace memusage msgfilter msgexec tmate
    run-parts rc slsh sash git-shell fakeroot-tcp fakeroot-sysv fakeroot-ng faketime joe rview rvim vimdiff gvim nvim-qt mc ranger nnn lf tig
    lazygit gitui fzf sk peco xdotool setsebool systemd-socket-activate s6-setuidgid s6-softlimit chpst with-contenv apptainer singularity
    enroot charliecloud ch-run udocker distrobox-enter toolbox-run wsl act earthly
    script scriptlive rr trace valgrind heaptrack uftrace kitty alacritty xterm gnome-terminal konsole osascript open xdg-open gio start
    """.split()
)

# Builtins that evaluate their words as code, or change the meaning of later words.
EVALUATING = frozenset(
    """
    . alias bind builtin caller compgen complete compopt declare enable export fc getopts hash help history let local logout mapfile
    printf read readarray readonly return set shift shopt source test times type typeset ulimit umask unalias unset wait bg fg jobs
    disown pushd popd dirs exit break continue suspend [ [[ : if then else fi for while until do done case esac select function in !
    {
    """.split()
)

# Interpreters: their effect is that of the script.
INTERPRETERS = re.compile(
    r"(python|pypy|node|nodejs|deno|bun|ruby|perl|php|lua|luajit|tclsh|wish|osascript|awk|gawk|mawk|nawk|java|jshell|groovy|scala|Rscript|julia"
    r"|pry|byebug|jrunscript|octave-cli|janet|babashka|bb|clj|kotlin|kscript|hy|pcre2test"
    r"|guile|racket|sbcl|ghci?|runghc|elixir|erl|escript|swift|dotnet|ipython|ts-node|tsx|npx|bunx|pnpx|uvx|pipx)[\d.]*\Z",
    # Names are compared in lower case too.
    re.IGNORECASE,
)
_HARMLESS_INTERPRETING = frozenset({"--version", "-V", "-v", "--help", "-h"})


def plain_problem(argv: tuple[str, ...]) -> str:
    """Why the words of a program do not determine what it does, so that its line is not plain; '' when they do."""
    name = argv[0]
    if not name:
        return "a program has no name"
    if "=" in name:
        return f"{name[:60]} looks like an assignment"
    if "/" in name:
        return f"{name[:60]} is given by its path"
    for known in names_of(name):
        if known in WRAPPERS:
            return f"{name} runs other programs"
        if known in EVALUATING:
            return f"{name} is evaluated by the shell"
    if INTERPRETERS.match(name.casefold()) and not (len(argv) == 2 and argv[1] in _HARMLESS_INTERPRETING):
        # These modules are programs with a known effect and are judged by their words.
        if name.startswith("python") and len(argv) > 2 and argv[1] == "-m" and argv[2] in PROGRAM_MODULES:
            return ""
        return f"{name} runs a program of its own"
    if inner := looked_through(argv):
        return plain_problem(inner)
    return running_problem(argv)


def linked_problem(argv: tuple[str, ...], program: str) -> str:
    """The same for the file that runs when the name is a link to another program: `editor` may be vim."""
    name = os.path.basename(os.path.realpath(program)) if program else argv[0]
    if name == argv[0] or name in MULTICALL or not (name in WRAPPERS or INTERPRETERS.match(name)):
        return ""
    problem = plain_problem((name, *argv[1:]))
    return f"{argv[0]} is {problem}" if problem else ""


def looked_through(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The words of the program that a runner of project environments starts; () for none. `uv run pytest -q` runs `pytest -q`."""
    if argv[:2] == ("uv", "run") and len(argv) > 2 and not argv[2].startswith("-") and "." not in argv[2] and "/" not in argv[2]:
        return argv[2:]
    return ()


def running_problem(argv: tuple[str, ...]) -> str:
    """Why the subcommand or the options of a program make it run another one; '' when they do not."""
    for name in names_of(argv[0]):
        for entry in _RUNNING.get(name, ()):
            for rest in after(argv[1:], entry.path):
                spec = spec_of(name, entry.path, argv[1:])
                options = read(rest, spec)
                if any(is_triggered(trigger, options, rest, spec) for trigger in entry.triggers):
                    return f"{argv[0]} {entry.says or 'runs other programs'}"
    return ""


# Subcommands and options that make a program run another one (grammar: `option_words.OptionRule`).
_RUNNING = by_program(
    entries_of(
        """
        npm exec|x|dlx|explore|create|init|innit|node|bunx|edit : *
        make|ninja|just : -f --file --makefile --justfile => reads its rules from elsewhere
        make : --eval @*$* => reads its rules from elsewhere
        uv tool|x : *
        uv run : -m --module --with* -s --script --gui-script -
        conda|mamba|micromamba|pixi|devbox|nix|guix|spack|easybuild run|exec|shell|develop|x|shellenv : *
        rustup|juliaup|elan|swiftly|ghcup run : *
        op|doppler|infisical|chamber|aws-vault|teller|envchain|berglas|summon run|exec : *
        sops exec-env|exec-file : *
        gh codespace|cs|extension|ext|alias : *
        gcloud compute|alpha|beta|cloud-shell ssh|scp : *
        aws ssm|ecs|eks start-session|execute-command : *
        heroku|fly|railway|vercel|netlify|firebase|wrangler|supabase|okteto|cf|platform run|ssh|exec|run:*|ssh:*|console|sandbox|dev : *
        vagrant|multipass|lima|limactl|colima|orb|minikube|lxc|incus|virsh|machinectl|adb ssh|exec|shell|powershell|winrm|rdp|console : *
        composer|bundle|mix|cabal|stack|dune|opam|swift|zig|rebar3|dart|flutter|spago|gleam exec|run|eval|script|pub|cmd : *
        git bisect|submodule|rebase|difftool|mergetool|filter-branch foreach|run : *
        coverage run : *
        bazel|bazelisk|buck|buck2|pants run|exec : *
        terraform|terragrunt console|exec : *
        helm plugin : *
        meson|ninja devenv : *
        ip netns|vrf exec : *
        nim e|r : *
        nim c|cpp|cc|objc|js|compile : -r --run
        crystal run|eval|i|play : *
        v run|repl|watch : *
        tcc|dmd|ldc2 : -run*
        manage.py|django-admin|artisan|console shell|shell_plus|dbshell|runscript|tinker : *
        cargo watch|make|xtask|script|with|hack|careful|flamegraph|valgrind|profiler : *
        """
    )
)


PROGRAM_MODULES = frozenset(
    """
    pytest unittest doctest pip venv ensurepip mypy pyright ruff black isort flake8 pylint compileall json.tool http.server build
    twine wheel sphinx mkdocs coverage django py_compile tokenize this calendar platform site sysconfig zipfile tarfile
    """.split()
)


def needs_network(argv: tuple[str, ...]) -> bool:
    """Whether a command usually needs the network."""
    name, words = argv[0], argv[1:]
    if name == "git":
        return bool(subcommands(words) & {"clone", "fetch", "pull", "push", "ls-remote", "submodule"})
    if name.startswith("python") and words[:2] in (("-m", "pip"), ("-m", "venv")):
        return True
    if inner := looked_through(argv):
        return True if name in _NETWORKED else needs_network(inner)
    wanted = _NETWORKED.get(name)
    return wanted is not None and (not wanted or bool(wanted & set(words)))


_NETWORKED: dict[str, frozenset[str]] = {
    "pip": frozenset({"install", "download"}),
    "pip3": frozenset({"install", "download"}),
    "uv": frozenset({"pip", "add", "sync", "lock", "tool", "run"}),
    "npm": frozenset({"install", "i", "ci", "add", "update", "audit", "view", "outdated"}),
    "pnpm": frozenset({"install", "i", "add", "update"}),
    "yarn": frozenset({"install", "add", "up"}),
    "cargo": frozenset({"fetch", "add", "install", "update", "build", "test", "run", "check"}),
    "go": frozenset({"get", "mod", "install", "build", "test"}),
    "poetry": frozenset({"install", "add", "update", "lock"}),
    "bundle": frozenset({"install", "update"}),
    "gem": frozenset({"install"}),
    "apt": frozenset({"install", "update"}),
    "apt-get": frozenset({"install", "update"}),
    "brew": frozenset({"install", "update", "upgrade"}),
    "curl": frozenset(),
    "wget": frozenset(),
    "gh": frozenset(),
}
