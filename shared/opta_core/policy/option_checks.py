"""Options with which an allowed program does more than its name suggests. They are checked after a rule has allowed the program.

`TABLE` is data, one entry a line (grammar: `option_words.OptionRule`). A program that only reads is vetoed when its options make it
write, run another program, or read instructions from a file. A program that always does so is vetoed with any options.
"""

import re
from collections.abc import Callable

from .option_specs import spec_of
from .option_words import OptionRule, after, by_program, entries_of, is_triggered, read, subcommands
from .program_names import names_of
from .programs import looked_through

TABLE = """
// git
git : !first => changes how git works
git : !unknown => is no command of git's own: an alias, or another program
git * : --output --ext-diff --textconv --exec-path --upload-pack --receive-pack --exec --config --template --separate-git-dir --open-files-in-pager --show-signature --paginate
git log|show|shortlog|rev-list|for-each-ref|branch|tag|whatchanged|diff-tree|cherry|reflog|stash|cat-file : !signature => runs the program that checks signatures
git grep : -O -f --file --no-index => runs a program or reads a file of patterns
git clone|fetch|pull|push|ls-remote|remote|submodule|archive|fetch-pack : @*::* => may run a program that carries it
git clone : -c -u
git archive : -o --remote --add-file
git diff : --no-index
git blame|annotate : -S --contents --ignore-revs-file
git add|stage|commit : -e --edit -p -i --patch --interactive => runs an editor
git branch : -c --copy --edit-description -u --set-upstream-to --unset-upstream => changes branches
git commit : -t --gpg-sign --trailer
git tag : -s -u --sign --local-user -v --verify
git merge|cherry-pick|revert : -s --strategy --gpg-sign -e --edit
git config : * unless --get --get-all --get-regexp -l --list => changes how git works
git submodule|bisect|rebase|difftool|mergetool|filter-branch|hook|instaweb|daemon|upload-pack|receive-pack|upload-archive|shell|http-backend|cvsserver|fast-export|credential|credential-cache|credential-store|send-email|imap-send|request-pull|gui|citool|gitk|help|web--browse|var|maintenance|scalar|fsmonitor--daemon|for-each-repo|lfs|annex|svn|p4|cvsimport|quiltimport|mailinfo|mailsplit|interpret-trailers|stripspace|sparse-checkout|bugreport|diagnose|format-patch|bundle|fast-import|difftool--helper|merge-file|merge-one-file|merge-index|notes|am|apply|update-server-info|index-pack|pack-objects|unpack-objects|multi-pack-index|commit-graph|repack|replace|verify-commit|verify-tag|sh-setup|checkout--worker|remote-ext|remote-fd|fetch-pack|send-pack : * => can run programs or write files

// readers
find : -exec -execdir -ok -okdir -delete -fprint* -fls -files0-from => acts on what it finds
rg : -z -f --pre --hostname-bin --search-zip --file --ignore-file
grep|egrep|fgrep : -f --file
zgrep|zegrep|zfgrep|bzgrep|xzgrep|zstdgrep|lzgrep|zcat|bzcat|xzcat|zstdcat|lz4cat|zless|zmore|xzless|bzless|bzmore|zdiff|zcmp|xzdiff|bzdiff|gzcat : * => runs other programs
ag|ack|ugrep|ug : -z -Z -f --pager --search-zip --decompress --filter --filter-magic-label --save-config --output --ackrc --create-ackrc --files-from --view
fd : -x -X -l --exec --exec-batch --list-details
locate|plocate|mlocate : -d --database
updatedb : *
tree : -o -R --output => writes files
sort : -o -T --output --compress-program --files0-from --temporary-directory
wc|du : --files0-from
shuf : -o --output
uniq : #2 => writes its second file
iconv : -o --output
base64|base32|basenc|uuencode|uudecode : -o --output
xxd : -r -revert #2 => writes a file
date : -s -f --set --file !clock => sets the clock or reads a file
hostname|domainname|nisdomainname : #1 -F -b --file --boot => sets the name
file : -C -m -f -z -Z --compile --magic-file --files-from --uncompress --uncompress-noreport
diff|sdiff|diff3|colordiff|icdiff|delta|wdiff : --to-file --from-file -l -o --paginate --output --diff-program --pager
sed : !sed => may run or write
awk : * => runs a program of its own
jq|gojq|jaq : -f -L -i --from-file --in-place --library-path --run-tests
yq|tomlq|xq : -i -s --inplace --in-place --split-exp --split-exp-file --from-file
dasel : @put @delete
mlr : -I -s --prepipe --prepipex --load --mload @tee @split @put @case
xmllint|xsltproc : -o --output --shell --writesubtree --profile
xmlstarlet|xml : -L --inplace
xsv|qsv : -o --output @split @apply @py @luau @foreach
less|more|most|pg|man|info|view|bat|glow|w3m|lynx|links|elinks : * => starts programs, or writes from its prompt
ss|lsof : -K -D --kill
lp|lpr|a2ps|enscript|pr : -o --output
dc|m4|cpp|ed|gnuplot|octave|R|maxima|gp|sage|matlab|mathematica : * => evaluates a language that runs programs

// writers
tar|unzip|zip|7z|cpio|pax|ar|rar|unrar|unar|lha|zoo|arj|dpkg-deb|cabextract|innoextract : * => writes files
tee|dd|split|csplit|patch|install|ln|rsync|wget|aria2c|axel|lftp|ncftp|rclone|unison : * => writes files
sponge|vipe|ifne|chronic|pee|zrun|combine|mispipe : * => runs programs or writes files
psql|mysql|sqlite3|duckdb|clickhouse-client|mongosh|cqlsh|osqueryi|isql|usql|influx : * => runs statements, and programs
openssl|gpg|gpg2|age|sops|minisign|signify|certtool|cfssl|step|ssh-keygen|keytool|pass|htpasswd : * => writes or reveals secrets
pandoc : -o -F -L --output --filter --lua-filter --pdf-engine --defaults --extract-media --log
latex|pdflatex|xelatex|lualatex|tex|pdftex|luatex|latexmk|context|dvips|arara|tectonic : *
dot|neato|fdp|sfdp|twopi|circo : -o -O
convert|magick|mogrify|ffmpeg|sox|gs|ghostscript|inkscape|soffice|libreoffice|exiftool|plantuml|mmdc : * => writes files
asciinema|script|scriptreplay|ttyrec|vhs : *
gdb|lldb|rr|perf|bpftrace|dtrace|dtruss|py-spy|rbspy|objcopy|patchelf|install_name_tool|codesign|ld|gold|lld|mold|strip|ranlib : *
watchexec|entr|inotifywait|fswatch|nodemon|chokidar|reflex|air|cargo-watch|bacon|guard|modd|hyperfine : * => runs programs

// network
curl : -o -O -K -T -F -d -D -c -b -E -J -n -Q -u -U -x -X -t -P --output --output-dir --remote-name --remote-name-all --remote-header-name --config --upload-file --form --form-string --data --data-ascii --data-binary --data-raw --data-urlencode --json --url-query --cookie --cookie-jar --dump-header --trace --trace-ascii --stderr --libcurl --cert --key --pass --cacert --capath --create-dirs --netrc --netrc-file --netrc-optional --proxy --proxy-user --preproxy --socks4 --socks4a --socks5 --socks5-hostname --engine --etag-save --etag-compare --hsts --alt-svc --quote --request --request-target --user --telnet-option --unix-socket --abstract-unix-socket --resolve --connect-to --doh-url --ftp-port --ftp-create-dirs --mail-from --mail-rcpt --location-trusted --variable --expand-* --next --skip-existing --dns-servers --delegation --oauth2-bearer --aws-sigv4 => writes a file or sends data
http|https|xh|xhs|httpie : -o -d -a -A --output --download --auth --session --cert --proxy --form --multipart --raw @*@* @*=* @*:=* @PUT @POST @PATCH @DELETE
ssh|scp|sftp|psftp|plink|pscp|rlogin|rexec|smbclient|minicom|lwp-download|rsync|mosh|rsh|telnet|nc|ncat|netcat|socat|ftp|ssh-copy-id|sshfs|autossh|sshuttle|tailscale|ngrok|cloudflared|bore|chisel : * => reaches other machines
nmap|masscan|tcpdump|tshark|dumpcap|mitmproxy|mitmdump : *
dig|drill|kdig : -f -k
gh : @alias @extension @ext @ssh @cp @clone @config @auth @secret @variable @codespace @cs @browse @api --web --editor

// compilers and builders
gcc : -wrapper -fplugin* -fpass-plugin* -specs* --specs* -B* @@* -Xclang -cc1* -load* -plugin* -Xlinker -Wl,*plugin* -fuse-ld* -ld-path* --config* -iplugindir* --gcc-toolchain* => runs something
javac|kotlinc|scalac|groovyc|ecj : -J* -processor* -proc* -Xplugin* -P* -plugin* -javaagent* -Djava* -system* -bootclasspath* @@* => runs a program of its own, or takes options from a file
ocamlc|ocamlopt|ocamlfind|ocamldep|ocamlbuild : -pp* -ppx* -plugin* -use-* => runs something
clang-tidy|clang-check|clang-query|opt|llc : -load* -fpass-plugin* -p -f
ctest : -S -C --script --build-and-test --build-makeprogram --build-generator --test-dir --test-load
rustdoc : -test-runtool* -runtool* -test-builder* -C -Z --sysroot --config
protoc|buf : --plugin* @@*
rustc : -C -Z --codegen --sysroot --config @@* => runs something
make : -f -C -I -E --file --makefile --directory --include-dir --eval @*=* @*$* => reads its rules from elsewhere, or changes what they run
cmake : -P -E -C --build --install --preset --toolchain --open
ninja|samu : -f -C -t
meson|bazel|bazelisk|buck|buck2|pants|please|waf|scons|xmake|earthly|dagger : @run @exec @install @devenv --run_under --output_base --output_user_root --bazelrc
just|task|invoke|inv|poe|doit|mask|makers|mage|grunt|gulp|jake : -f -d -t -c -C --justfile --working-directory --shell --shell-arg --shell-command --set --dotenv-path --command --edit --choose --chooser --taskfile --dir --collection --search-root --executor --directory --root --file --gulpfile --gruntfile
rake : -f -I -r -R -e -E -p -g -G --rakefile --libdir --require --rakelibdir --execute --execute-print --execute-continue --system
cargo : -C -Z --config --manifest-path --target-dir --out-dir --artifact-dir => changes how it builds
cargo install|vendor|login|search|publish : *
cargo : !alias => is no command of cargo's own: an alias, or another program
go : -exec -toolexec -vettool -overlay -modfile -C -pkgdir -ldflags*ext* @*-extld* -gccgoflags -compiler
go run|generate|tool|install|get|work|telemetry|bug : *
npm : -C -c --prefix --script-shell --node-options --userconfig --globalconfig --shell --editor --viewer --browser --git --call --package --init-module --cwd --dir --use-node-version --config --bun --preload --require --import --eval --env-file --pnpmfile --global-pnpmfile --modules-dir
npm config|c|set|get|pkg|link|ln|edit|explore|exec|x|dlx|create|init|innit|version|docs|home|repo|bugs|issues|profile|rebuild|rb|set-script|hook|deploy|patch|patch-commit|patch-remove|env|setup|self-update|server|approve-builds|plugin|policies|node|foreach|global|upgrade-interactive|bunx|repl : *
pip : -t --python --target --prefix --root --log --src --report --config-settings --global-option --build-option --install-option
pip config|debug : *
uv : --directory --project --config-file --with --with-editable --with-requirements --env-file --script --module -m --target --prefix --root
uv tool|x|init|self|build|python|export|auth : *
python : !module => writes files, or runs what it is given
pytest : -p -c -o --pastebin --pdbcls --basetemp --rootdir --confcutdir --config-file --override-ini --plugins => runs code from elsewhere
coverage : @run @erase --rcfile
isort|black|ruff|mypy|pyright|pylint|flake8|bandit : --install-types --init-hook --load-plugins --python-executable
mypy|pylint|flake8 : --config-file --config --rcfile --append-config --ini-options => reads plugins to run from elsewhere
sphinx-build|mkdocs : -c -D -f --config-file => runs a configuration from elsewhere
eslint|oxlint|standard|xo|tslint|stylelint|prettier|babel|swc|postcss|tailwindcss|tsup : -c -f --config --config-file --format --formatter --plugin --plugins --presets --parser --rulesdir --resolve-plugins-relative-to --custom-syntax --custom-formatter --plugin-search-dir => runs code from elsewhere
jest|vitest|mocha|ava|tap|jasmine|karma|playwright|cypress|wdio|testcafe : -c -r --config --config-file --require --import --loader --helper --root --rootDir --globalSetup --globalTeardown --setupFiles --setupFilesAfterEnv --runner --testRunner --transform --resolver --testEnvironment --preset --reporters --opts --node-arguments --environment => runs code from elsewhere
vite|rollup|webpack|rspack|parcel|next|nuxt|astro|esbuild : -c -r -p --config --require --plugin --config-loader --root => runs a configuration from elsewhere
phpunit|pest|codecept|behat|phpstan|psalm|phpcs|phpcbf|rector : -c -a --configuration --config --bootstrap --autoload --autoload-file --include-path --prepend --standard => runs code from elsewhere
rspec|cucumber|rubocop|standardrb|reek|brakeman|minitest : -r -I -O --require --options --config --plugin --add-checks-path => runs code from elsewhere
golangci-lint : -c --config
yt-dlp|youtube-dl : --exec --exec-before-download --config-locations --config-location --plugin-dirs --downloader --external-downloader --netrc-cmd
rpm|rpmquery|rpmdb|rpmverify|rpmspec|rpmbuild : -E -D --eval --define --pipe --load --macros --rcfile => evaluates a language that runs programs
restic|borg : -o --option --password-command --rsh --remote-path --checkpoint-volume
facter|ohai : -d --custom-dir --external-dir --directory
composer : @exec @create-project @global @config @init @browse @self-update --working-dir -d
mvn : -f -s -gs -t --file --settings --global-settings --toolchains @exec:* @*:exec* @antrun:* @*:java @wrapper:*
gradle : -b -c -I -p -g --build-file --settings-file --init-script --project-dir --gradle-user-home --include-build
ant|sbt|lein|mill|bleep|amm|clj|clojure|stack|cabal|dune|opam|mix|rebar3|zig|swift|xcodebuild|fastlane : -f -e -buildfile -lib -logger -listener -main -inputhandler @exec @eval @script @repl @console --exec
rustup : @run @component @toolchain @default @override @target @update @self @set
rails|rake : @runner @r @console @c @dbconsole @db @generate @g @destroy @d @new @app:*
terraform : -chdir* -plugin-dir* -from-module* -backend-config* @console @login @logout @import @init @get
pulumi : --cwd -C @new @config @login @logout @plugin @env @convert @install
aws|gcloud|az|gsutil|doctl|heroku|fly|vercel|netlify|firebase|wrangler|supabase : @ssh @exec @ssm @start-session @configure @config @login @logout @auth @get-secret-value @get-session-token @assume-role* @get-login-password @get-password-data @cp @sync @rsync @put-* @create-* @update-* @run @run-* @invoke @send-command @file://* @fileb://* --cli-input-json --cli-input-yaml --endpoint-url
helm : @install @plugin @create @push @registry @repo --post-renderer --post-renderer-args --kubeconfig
"""

Check = Callable[[tuple[str, ...]], bool]

_GIT_KNOWN = frozenset(
    """
    add stage commit status diff log show blame annotate branch rev-parse ls-files describe shortlog checkout switch restore reset merge
    stash tag fetch pull push clone init remote rm mv clean worktree grep cat-file show-ref show-branch show-index ls-tree ls-remote
    rev-list merge-base merge-tree name-rev for-each-ref count-objects check-ignore check-attr check-mailmap check-ref-format whatchanged
    range-diff cherry cherry-pick revert diff-tree diff-index diff-files diff-pairs hash-object reflog archive update-index update-ref
    symbolic-ref write-tree commit-tree mktree mktag read-tree checkout-index gc prune prune-packed fsck version patch-id get-tar-commit-id
    verify-pack column rerere last-modified refs history backfill
    """.split()
)

_GIT_HARMLESS_FIRST = frozenset({"--no-pager", "--no-optional-locks", "--version", "-v", "--help", "-h"})
_CARGO_KNOWN = frozenset(
    """
    build b check c test t bench doc d run r clean new init add remove rm update search publish install uninstall fetch fix clippy fmt
    metadata tree locate-project pkgid read-manifest verify-project version yank login logout owner package vendor report generate-lockfile
    help info config miri rustc rustdoc
    """.split()
)


def veto(argv: tuple[str, ...], program: str = "") -> str:
    """Why a command that a rule allowed by its program's name still asks; '' when it does not. `program`: the file that runs."""
    for name in names_of(argv[0], program):
        for entry in _BY_PROGRAM.get(name, ()):
            for rest in after(argv[1:], entry.path):
                if found := _matched(entry, name, argv, rest):
                    return found
    inner = looked_through(argv)
    return veto(inner) if inner else ""


def _matched(entry: OptionRule, name: str, argv: tuple[str, ...], rest: tuple[str, ...]) -> str:
    spec = spec_of(name, entry.path, argv[1:])
    options = read(rest, spec)
    if options.certain & frozenset(entry.unless):
        return ""
    says = entry.says or "writes or runs something"
    for trigger in entry.triggers:
        if trigger.startswith("!"):
            if CHECKS[trigger[1:]](argv[1:] if not entry.path else rest):
                return f"{' '.join(argv[:2])[:60]} {says}"
        elif is_triggered(trigger, options, rest, spec):
            about = "" if trigger == "*" else f" ({trigger.lstrip('@').replace('#', 'operands: ')})"
            return f"{' '.join(argv[:2])[:60]}{about} {says}"
    return ""


def _first(words: tuple[str, ...]) -> bool:
    """git: whether an option before the subcommand is not known to be harmless."""
    for word in words:
        if not word.startswith("-"):
            return False
        if word not in _GIT_HARMLESS_FIRST:
            return True
    return False


def _unknown(words: tuple[str, ...]) -> bool:
    known = _GIT_KNOWN | _GIT_VETOED
    return bool(words) and not words[0].startswith("-") and not any(sub in known for sub in subcommands(words))


def _alias(words: tuple[str, ...]) -> bool:
    found = subcommands(words)
    return bool(found) and not found & _CARGO_KNOWN


def _signature(words: tuple[str, ...]) -> bool:
    return any("%G" in word or "signature" in word for word in words)


def _clock(words: tuple[str, ...]) -> bool:
    return any(not word.startswith("+") for word in read(words, spec_of("date", (), words)).operands)


def _sed(words: tuple[str, ...]) -> bool:
    """sed: whether it is anything but harmless options, one script that prints, deletes or substitutes, and files."""
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        if not re.fullmatch(r"-[nErsuz]+|--(quiet|silent|regexp-extended|separate|null-data|unbuffered|debug|posix|sandbox)", rest[0]):
            return True
        rest.pop(0)
    script = rest.pop(0) if rest else ""
    if not re.fullmatch(r"(\d+|\$)?(,(\d+|\$))?[pdq=]|/[^/\\]*/[pd]|s/[^/\\]*/[^/\\]*/[gpI\d]*", script):
        return True
    # An option may also follow the operands.
    return any(word.startswith("-") and word != "-" for word in rest)


def _module(words: tuple[str, ...]) -> bool:
    """`python -m MODULE …`: whether the module writes, or the program of that name would be vetoed."""
    if words[:1] != ("-m",) or len(words) < 2:
        return False
    module, rest = words[1], words[2:]
    if module in ("zipfile", "tarfile"):
        return not any(word in ("-l", "--list", "-t", "--test") for word in rest[:1])
    if module == "json.tool":
        return len(read(rest, spec_of("json.tool", (), rest)).operands) > 1
    if module in ("http.server", "twine", "django", "ensurepip"):
        return True
    return bool(veto((module, *rest)))


# Name of a check in the table -> the check.
CHECKS: dict[str, Check] = {
    "first": _first, "unknown": _unknown, "alias": _alias, "signature": _signature, "clock": _clock, "sed": _sed, "module": _module,
}  # fmt: skip
ENTRIES = entries_of(TABLE)
_BY_PROGRAM = by_program(ENTRIES)
_GIT_VETOED = frozenset(
    name for entry in ENTRIES if entry.programs == ("git",) and entry.triggers == ("*",) for part in entry.path for name in part.split("|")
)
