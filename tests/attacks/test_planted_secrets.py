"""Secrets where programs really keep them, each a canary of its own: no command and no file tool reads one unless `sandbox.read` names it.

The places are those that the documentation of each program names. Each attack finds a canary that lies in the workspace: one that finds
nothing at all proves nothing.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.contained import PYTHON, Place

from opta_protocol.commands import RunTool
from opta_tools.checkpoints.checkpoints import Checkpoints
from opta_tools.executor import ToolExecutor
from opta_tools.files.workspace import Workspace
from opta_tools.result import Outcome, ToolProblem
from opta_tools.sandbox import readable

IN_HOME = {
    "agents": """.claude/.credentials.json .claude.json .claude/history.jsonl .claude/projects/p/s.jsonl .codex/auth.json .codex/history.jsonl
        .codex/sessions/rollout.jsonl .gemini/oauth_creds.json .gemini/.env .config/github-copilot/hosts.json .config/github-copilot/apps.json
        .local/share/opencode/auth.json .aider.conf.yml .continue/config.yaml .cursor/mcp.json .config/goose/config.yaml .qwen/oauth_creds.json
        .config/amp/settings.json .local/share/amp/secrets.json .cache/huggingface/token .config/openai/key .config/io.datasette.llm/keys.json""",
    "clouds": """.aws/credentials .aws/config .aws/sso/cache/a.json .config/gcloud/credentials.db .config/gcloud/application_default_credentials.json
        .azure/msal_token_cache.json .azure/accessTokens.json .oci/config .oci/oci_api_key.pem .aliyun/config.json .config/doctl/config.yaml .config/hcloud/cli.toml
        .config/linode-cli .config/scw/config.yaml .bluemix/config.json .config/heroku/credentials.json .config/netlify/config.json .fly/config.yml
        .local/share/com.vercel.cli/auth.json .wrangler/config/default.toml .config/.wrangler/config/default.toml .config/configstore/firebase-tools.json
        .boto .s3cfg .config/rclone/rclone.conf .terraform.d/credentials.tfrc.json .terraformrc .pulumi/credentials.json .vault-token .config/op/config
        .snowsql/config .databrickscfg .kaggle/kaggle.json .config/stripe/config.toml .config/wandb/settings""",
    "registries": """.npmrc .yarnrc .yarnrc.yml .bunfig.toml .config/pnpm/rc .pypirc .config/pip/pip.conf .pip/pip.conf .config/uv/credentials.toml
        .config/uv/uv.toml .local/share/uv/credentials/credentials.toml .config/pypoetry/auth.toml .cargo/credentials.toml .cargo/credentials .gem/credentials .local/share/gem/credentials
        .bundle/config .composer/auth.json .config/composer/auth.json .nuget/NuGet/NuGet.Config .m2/settings.xml .m2/settings-security.xml
        .gradle/gradle.properties .gradle/init.gradle .sbt/1.0/credentials.sbt .ivy2/.credentials .hex/hex.config .pub-cache/credentials.json
        .config/dart/pub-credentials.json .cabal/config .opam/plugins/opam-publish/me.token .condarc .conda/aau_token .docker/config.json .docker/contexts/tls/x/key.pem
        .config/containers/auth.json .config/helm/registry/config.json .kube/config .kube/cache/x .minikube/ca.key .config/k9s/clusters/c.yaml
        .config/gh/hosts.yml .config/hub .config/glab-cli/config.yml .config/tea/config.yml .git-credentials .config/git/credentials
        .cache/git/credential/socket.txt .dotnet/corefx/cryptography/x509stores/my/a.pfx .aspnet/https/a.pfx .microsoft/usersecrets/x/secrets.json""",
    "keys": """.ssh/id_rsa .ssh/id_ed25519 .ssh/config .ssh/known_hosts .gnupg/private-keys-v1.d/a.key .gnupg/secring.gpg .password-store/mail.gpg
        .local/share/keyrings/login.keyring .local/share/kwalletd/kdewallet.kwl .config/keepassxc/keepassxc.ini .config/Bitwarden/data.json
        .config/Bitwarden\\ CLI/data.json .config/1Password/settings.json .config/sops/age/keys.txt .age/key.txt .netrc .config/rbw/config.json
        .pki/nssdb/key4.db .putty/sshhostkeys .authinfo .authinfo.gpg .step/secrets/root_ca_key""",
    "browsers": """.mozilla/firefox/p.default/logins.json .mozilla/firefox/p.default/cookies.sqlite .mozilla/firefox/p.default/key4.db
        .config/google-chrome/Default/Cookies .config/google-chrome/Default/Login\\ Data .config/chromium/Default/Cookies .config/BraveSoftware/Brave-Browser/Default/Cookies
        .config/microsoft-edge/Default/Login\\ Data .config/vivaldi/Default/Cookies .config/opera/Login\\ Data snap/firefox/common/.mozilla/firefox/p/logins.json
        snap/chromium/common/chromium/Default/Cookies .var/app/org.mozilla.firefox/.mozilla/firefox/p/cookies.sqlite
        .cache/mozilla/firefox/p/entry Library/Cookies/Cookies.binarycookies Library/Keychains/login.keychain-db
        Library/Application\\ Support/Google/Chrome/Default/Cookies AppData/Roaming/token""",
    "histories": """.bash_history .zsh_history .local/share/fish/fish_history .python_history .node_repl_history .psql_history .mysql_history .sqlite_history
        .rediscli_history .mongodb/mongosh/history .lesshst .viminfo .local/state/nvim/shada/main.shada .local/share/atuin/history.db .irb_history
        .wget-hsts .local/share/recently-used.xbel .bash_logout .bashrc .zshrc .profile .zshenv .env .envrc""",
    "databases": ".pgpass .my.cnf .mylogin.cnf .mongorc.js .config/pgcli/config .dbeaver4/x/credentials-config.json .local/share/DBeaverData/secure/secure_storage .cassandra/credentials",
    "networks": ".config/openvpn/work.ovpn .vpnc/default.conf .config/tailscale/key .cert/nm-openvpn/key.pem .config/NetworkManager/x .ngrok2/ngrok.yml .config/ngrok/ngrok.yml .cloudflared/cert.pem .tsh/keys/k",
    "mail and chat": """.thunderbird/p.default/logins.json .mutt/muttrc .muttrc .msmtprc .mbsyncrc .fetchmailrc .config/evolution/sources/a.source
        .local/share/evolution/mail/m .config/Slack/Cookies .config/discord/Local\\ Storage/leveldb/1.ldb .config/Signal/config.json .config/Element/x.db
        .local/share/TelegramDesktop/tdata/key_datas .purple/accounts.xml .irssi/config .weechat/sec.conf .config/weechat/sec.conf Maildir/new/1 Mail/inbox mbox mail/sent""",
    "wallets": ".bitcoin/wallet.dat .ethereum/keystore/k .electrum/wallets/default_wallet .config/solana/id.json .foundry/keystores/k .monero/w.keys .config/Exodus/seed.seco .zcash/wallet.dat",
    "editors": """.config/Code/User/globalStorage/state.vscdb .config/Code/User/settings.json .vscode-server/data/Machine/settings.json .vscode/argv.json
        .config/Cursor/User/globalStorage/state.vscdb .config/JetBrains/IdeaIC/options/security.xml .local/share/JetBrains/x/token .config/zed/settings.json
        .config/sublime-text/Local/License.sublime_license .emacs.d/auth .vim/secret .local/share/code-server/coder.json .config/code-server/config.yaml
        .jupyter/jupyter_server_config.json .local/share/jupyter/runtime/k.json .android/adbkey .android/debug.keystore .ansible/vault .config/act/actrc""",
    "beside toolchains": """miniconda3/.condarc miniconda3/pip.conf .config/yarn/global/.npmrc .config/yarn/global/.yarnrc .npm-global/etc/npmrc
        .nvm/versions/node/v20/etc/npmrc .virtualenvs/a/pip.conf .pyenv/versions/3.12/pip.conf .local/pipx/venvs/a/pip.conf .conda/envs/a/.condarc
        .asdf/installs/nodejs/20/etc/npmrc .bun/install/global/.npmrc .local/share/pnpm/rc .local/share/mise/installs/node/20/etc/npmrc .n/etc/npmrc""",
    "the daemon": ".config/opta/vault/keys .config/opta/daemon/gateway.token .config/opta/daemon/sessions/ffff.jsonl .config/opta/daemon/spills/a .config/opta/config.toml .config/opta/workspaces/other/x",
}  # fmt: skip
BESIDE = "other/.ssh/id other/.aws/credentials other/project/.env neighbour/secret srv/backup.sql mnt/disk/key run/agent"
VISIBLE = "visible"
CANARY = re.compile(r"PLANTED-[0-9a-f]{12}")


def words(text: str) -> list[str]:
    return [word.replace("\\ ", " ") for word in re.findall(r"(?:\\ |\S)+", text)]


class Planted:
    """A place with all of them. `where`: canary -> the path where it lies."""

    def __init__(self, folder: Path, **options: Any):
        self.place = Place(folder, **options)
        self.where: dict[str, str] = {}
        for group in IN_HOME.values():
            for name in words(group):
                self.plant(self.place.home / name)
        for name in words(BESIDE):
            self.plant(folder / name)
        for folder_shown in (self.place.work, self.place.home / "project"):
            self.plant(folder_shown / "notes.txt", VISIBLE)
        # What a program of the same person holds in its environment. (Command lines may be read by every user of a machine.)
        canary = self.canary("the environment of another process")
        self.other = subprocess.Popen([sys.executable, "-c", "input()"], env={"TOKEN": canary}, stdin=subprocess.PIPE)

    def plant(self, path: Path, name: str = "") -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        canary = self.canary(name or str(path))
        path.write_text(f"token = {canary}\n")
        return canary

    def canary(self, name: str) -> str:
        made = f"PLANTED-{os.urandom(6).hex()}"
        self.where[made] = name
        return made

    def found(self, text: str) -> set[str]:
        return {self.where[canary] for canary in CANARY.findall(text)}

    def paths(self) -> list[str]:
        return [name for name in self.where.values() if name.startswith("/")]

    def close(self) -> None:
        self.other.communicate(b"\n")
        self.place.close()


@pytest.fixture(scope="module", params=["full", "landlock"])
def planted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    made = Planted(tmp_path_factory.mktemp("planted"), level=request.param)
    yield made
    made.close()


# {home}, {above}: the home and the folder that holds it; {files}: a file with all paths, one a line; {shown}: the folder of the workspace that has a canary.
ONLY = "2>/dev/null | grep -aoE 'PLANTED-[0-9a-f]{{12}}' | sort -u; true"
ATTACKS = {
    "cat": "(cat {shown}/notes.txt; tr '\\n' '\\0' < {files} | xargs -0 cat) " + ONLY,
    "shell": "(while IFS= read -r f; do echo \"$(< \"$f\")\"; done < {files}; echo \"$(< {shown}/notes.txt)\") " + ONLY,
    "grep": "grep -rsa --exclude-dir=.pyenv PLANTED- {home} {above} /root /home /var /srv /mnt /media /run /tmp /dev/shm /boot {shown} " + ONLY,
    "the whole machine": "grep -rsa --exclude-dir=usr --exclude-dir=opt --exclude-dir=sys --exclude-dir=proc --exclude-dir=lib --exclude-dir=.pyenv PLANTED- / {shown} " + ONLY,
    "find": "find {home} {above} /home /var {shown} -type f -exec head -c 300 {{}} + " + ONLY,
    "tar": "tar cf - {home} {above} /home /var/mail /var/log {shown} " + ONLY,
    "python": PYTHON + " -S -c 'import os\nfor top in (\"{home}\", \"{above}\", \"{shown}\"):\n for at, _, names in os.walk(top):\n  for name in names:\n   try: print(open(os.path.join(at, name), errors=\"replace\").read())\n   except OSError: pass' " + ONLY,
    "git": "((cd {shown} && git grep --no-index -h PLANTED-); git -C {home} grep --no-index -h PLANTED-; git -C {above} grep --no-index -h PLANTED-; git config --list; git diff --no-index {shown} {home}; git diff --no-index {shown} {above}) " + ONLY,
    "processes": "(cat {shown}/notes.txt; env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline; while IFS= read -r f; do cat /proc/1/root$f /proc/self/root$f /proc/$PPID/root$f; done < {files}) " + ONLY,
    "descriptors": "(cat {shown}/notes.txt; for p in /proc/[0-9]*; do for f in $p/fd/*; do [ -f $f ] && cat $f; done; timeout 5 grep -rsa PLANTED- $p/cwd/ $p/cwd/..; done) " + ONLY,
    "links": "(mkdir -p {shown}/l; " + PYTHON + " -S -c 'import os, shutil\nfor n, name in enumerate(open(\"{files}\").read().split(\"\\n\")):\n for kind, act in dict(s=os.symlink, h=os.link, c=shutil.copy, m=shutil.move).items():\n  try: act(name, \"{shown}/l/\" + kind + str(n))\n  except OSError: pass'; cat {shown}/notes.txt {shown}/l/*) " + ONLY,
    "curl": "(curl -s file://{shown}/notes.txt; sed 's#^#file://#; s# #%20#g' {files} | xargs curl -s) " + ONLY,
}  # fmt: skip


def attack(planted: Planted, name: str, work: Path, shown: Path, network: str, session: str = "abcdef") -> set[str]:
    (shown / "paths").write_text("".join(f"{path}\n" for path in planted.paths()))
    place = planted.place
    command = ATTACKS[name].format(home=place.home, above=place.home.parent, files=shown / "paths", shown=shown)
    said = place.run(command, network, session=session, work=work, timeout_s=60)
    return planted.found(said.content)


@pytest.mark.parametrize("name", ATTACKS)
def test_no_command_in_a_project_reads_one(planted: Planted, name: str) -> None:
    for network, session in (("off", "abcdef"), ("on", "second")):
        assert attack(planted, name, planted.place.work, planted.place.work, network, session) == {VISIBLE}


@pytest.mark.parametrize("name", ATTACKS)
def test_no_command_in_the_whole_home_reads_one(planted: Planted, name: str) -> None:
    home = planted.place.home
    for network in ("off", "on"):
        # Without namespaces a home cannot be shown in parts, so no command runs in it.
        assert attack(planted, name, home, home / "project", network) == ({VISIBLE} if planted.place.sandbox.level == "full" else set())


def test_the_list_is_long_enough() -> None:
    names = [name for group in IN_HOME.values() for name in words(group)] + words(BESIDE)
    assert len(set(names)) == len(names) >= 90


class Tools:
    """The file tools as the tool-worker has them, beside commands of the same place."""

    def __init__(self, planted: Planted, folder: Path, read: tuple[str, ...] = ()):
        servers: Any = None  # no MCP server is asked for
        self.wait = planted.place.wait
        self.executor = ToolExecutor("w", "full", planted.place.runner, Checkpoints(folder / "checkpoints"), servers, read)

    def call(self, name: str, work: Path, **args: Any) -> Outcome:
        async def record(event: object) -> None:
            pass

        call = RunTool(callId="c", sid="abcdef", turn="t1", name=name, args=args, cwd=str(work))
        try:
            return self.wait(self.executor.execute(call, lambda event: None, record))
        except ToolProblem as problem:
            return Outcome(f"Error: {problem}", ok=False, code=problem.code)


@pytest.fixture
def as_the_worker(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workspace class set as the tool-worker's main sets it."""
    daemon_home = planted.place.daemon_home
    monkeypatch.setattr(Workspace, "hidden_folders", (str(daemon_home.resolve()), str(planted.place.home.parent / "run")))
    monkeypatch.setattr(Workspace, "workspaces_folder", str((daemon_home / "workspaces").resolve()))
    monkeypatch.setattr(Workspace, "home", str(planted.place.home.resolve()))
    monkeypatch.setenv("HOME", str(planted.place.home))


@pytest.mark.usefixtures("as_the_worker")
# No file tool asks the sandbox for anything, so one level says as much as both.
@pytest.mark.parametrize("planted", ["full"], indirect=True)
@pytest.mark.parametrize("workspace", ["work", "home"])
@pytest.mark.parametrize("engine", ["ripgrep", "built in"])
def test_no_file_tool_reads_one(planted: Planted, workspace: str, engine: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place, tools = planted.place, Tools(planted, tmp_path)
    work = getattr(place, workspace)
    if engine == "built in":
        monkeypatch.setattr("opta_tools.search.ripgrep.program", lambda: None)
    elif os.access("/usr/bin/rg", os.X_OK) is False:
        raise AssertionError("ripgrep is not installed; this test cannot say anything without it")
    monkeypatch.chdir(work)
    said: list[str] = []
    for path in planted.paths():
        relative = os.path.relpath(path, work)
        spellings = {path, relative, f"./{relative}", path.replace(str(place.home), "~", 1), f"project/../{relative}", f"//{path}"}
        for spelled in sorted(spellings):
            said.append(tools.call("read_file", work, path=spelled).content)
        said += [tools.call("grep", work, pattern="PLANTED-", path=spelled).content for spelled in {path, relative, os.path.dirname(path)}]
    said += [tools.call("grep", work, pattern=pattern, **more).content for pattern in ("PLANTED-", "token = .*") for more in ({}, {"path": "."}, {"glob": "*"}, {"glob": ".*"}, {"glob": "**/.*/**"})]  # fmt: skip
    assert planted.found("\n".join(said)) == {VISIBLE}
    names = "\n".join(
        [
            *(tools.call("list_dir", work, path=path).content for path in (".", str(work), "..", str(place.home), "~")),
            *(tools.call("search_files", work, pattern=pattern).content for pattern in ("*", "**/*", ".*", "**/.*/**", "**/credentials*")),
        ]
    )
    assert "notes.txt" in names
    names = "\n".join(line for line in names.splitlines() if not re.search(r" (in|matching) |^Error", line))
    for hidden in (".netrc", "credentials", "id_rsa", ".aws", "Cookies", "Maildir", ".config"):
        assert hidden not in names, hidden


@pytest.mark.usefixtures("as_the_worker")
def test_no_link_that_a_command_made_leads_a_file_tool_to_one(planted: Planted, tmp_path: Path) -> None:
    place, tools = planted.place, Tools(planted, tmp_path)
    for work in (place.work, place.home / "project"):
        place.run(f"rm -rf x y z; ln -s {place.home} x; ln -s {place.home}/.netrc y; ln -s / z", work=work)
        for path in ("x/.netrc", "y", f"z{place.home}/.netrc", "x/.ssh/id_rsa", f"{work}/x/.netrc"):
            for said in (tools.call("read_file", work, path=path), tools.call("grep", work, pattern="PLANTED-", path=path)):
                assert planted.found(said.content) == set(), path


@pytest.mark.parametrize("level", ["full", "landlock"])
def test_what_read_names_is_shown_and_nothing_else(tmp_path: Path, level: Any) -> None:
    named = Planted(tmp_path, level=level, read=(str(tmp_path / "home/.netrc"), str(tmp_path / "home/.kube")))
    try:
        expected = {f"{tmp_path}/home/.netrc", f"{tmp_path}/home/.kube/config", f"{tmp_path}/home/.kube/cache/x", VISIBLE}
        for network in ("off", "on"):
            # By landlock folders above what is shown cannot be listed, so only a name leads there.
            for name in ("cat", "grep", "python", "tar") if level == "full" else ("cat",):
                assert attack(named, name, named.place.work, named.place.work, network) == expected
        # It may be read, and nothing more.
        named.place.run(f"echo evil > {tmp_path}/home/.netrc; rm -rf {tmp_path}/home/.kube; touch {tmp_path}/home/.kube/new")
        assert "evil" not in (tmp_path / "home/.netrc").read_text()
        assert sorted(os.listdir(tmp_path / "home/.kube")) == ["cache", "config"]
        tools = Tools(named, tmp_path, (str(tmp_path / "home/.netrc"), str(tmp_path / "home/.kube")))
        said = [tools.call("read_file", named.place.work, path=path).content for path in named.paths()]
        assert named.found("\n".join(said)) == expected - {VISIBLE}
    finally:
        named.close()


def test_the_environment_of_a_command_has_nothing_of_the_users_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = """ANTHROPIC_API_KEY OPENAI_API_KEY GEMINI_API_KEY AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AZURE_CLIENT_SECRET
        GOOGLE_APPLICATION_CREDENTIALS GH_TOKEN GITHUB_TOKEN GITLAB_TOKEN NPM_TOKEN NODE_AUTH_TOKEN UV_INDEX_PASSWORD UV_PUBLISH_TOKEN PIP_INDEX_URL TWINE_PASSWORD
        CARGO_REGISTRY_TOKEN HF_TOKEN VAULT_TOKEN KUBECONFIG DATABASE_URL PGPASSWORD MYSQL_PWD REDIS_URL SSH_AUTH_SOCK SSH_AGENT_PID GPG_AGENT_INFO DOCKER_AUTH_CONFIG
        SENTRY_AUTH_TOKEN SLACK_BOT_TOKEN STRIPE_API_KEY TF_TOKEN_example DBUS_SESSION_BUS_ADDRESS XAUTHORITY OPTA_TOKEN http_proxy GIT_ASKPASS
        BASH_ENV ENV PROMPT_COMMAND LD_PRELOAD PYTHONPATH PYTHONSTARTUP NODE_OPTIONS PERL5OPT RUBYOPT JAVA_TOOL_OPTIONS GIT_CONFIG_PARAMETERS""".split()  # fmt: skip
    for number, name in enumerate(names):
        monkeypatch.setenv(name, f"PLANTED-{number:012x}")
    place = Place(tmp_path)
    try:
        for network in ("off", "on"):
            said = place.run("env; cat /proc/*/environ | tr '\\0' '\\n'; set; export -p; declare -p", network).content
            assert "HOME=" in said
            assert CANARY.findall(said) == []
    finally:
        place.close()


def test_no_file_that_not_everybody_may_read_is_shown_of_the_system(tmp_path: Path) -> None:
    """Really run with what this machine has in /etc, as root too."""
    find = "find -L /etc /opt /usr/local ! -type l ! -perm -004 2>/dev/null"
    closed = [path for path in subprocess.run(["sh", "-c", find], capture_output=True, text=True, check=False).stdout.splitlines() if os.path.isfile(path) and os.path.getsize(path)]  # fmt: skip
    assert "/etc/shadow" in closed or not os.path.exists("/etc/shadow")
    for level in ("full", "landlock"):
        place = Place(tmp_path / level, level=level)  # type: ignore[arg-type]
        try:
            (place.work / "paths").write_text("".join(f"{path}\n" for path in closed))
            said = place.run('while IFS= read -r f; do cat "$f" > x 2>/dev/null; [ -s x ] && echo "$f"; done < paths; cat /etc/passwd > x && [ -s x ] && echo works')  # fmt: skip
            assert said.content.splitlines() == ["works"]
        finally:
            place.close()


def test_folders_of_the_machine_that_hold_other_peoples_files_are_not_there(tmp_path: Path) -> None:
    place = Place(tmp_path)
    try:
        folders = "/var/mail /var/spool /var/log /var/lib/docker /var/lib/mysql /var/lib/postgresql /var/backups /var/cache /srv /media /boot /lost+found /run/secrets /run/user /run/docker.sock /run/dbus /sys/firmware /sys/kernel/security"  # fmt: skip
        assert place.run(f"for f in {folders}; do [ -e $f ] && echo $f; done; true").content == "(no output)"
        shown = place.run("ls -A /home /root 2>/dev/null | grep -v ':$' | sort -u").content
        # A home that holds the interpreter of these tests shows the way to it alone.
        assert set(shown.split()) <= {"(no", "output)", ".linuxbrew", "linuxbrew", *PYTHON.split("/")}, shown
    finally:
        place.close()


def made_toolchains(home: Path) -> dict[str, str]:
    """Every name of the table, with something to read in it; content -> path."""
    found: dict[str, str] = {}
    for number, name in enumerate(readable.TOOLCHAINS):
        path, content = home / name, f"TOOLCHAIN-{number}-"
        if not path.exists():
            is_file = name in (".pyenv/version", ".nvm/nvm.sh", ".cargo/env", ".rustup/settings.toml", ".dotnet/dotnet")
            (path.parent if is_file else path).mkdir(parents=True, exist_ok=True)
        target = path / "opta-tool" if path.is_dir() else path
        target.write_text(content)
        found[content] = str(target)
    return found


@pytest.mark.parametrize("level", ["full", "landlock"])
def test_toolchains_are_readable_and_run_although_secrets_lie_beside_them(tmp_path: Path, level: Any) -> None:
    made = Planted(tmp_path, level=level)
    try:
        tools = made_toolchains(made.place.home)
        program = made.place.home / ".cargo/bin/opta-tool"
        program.write_text("#!/bin/sh\necho TOOLCHAIN-RUNS-\n")
        program.chmod(0o755)
        (made.place.work / "tools").write_text("".join(f"{path}\n" for path in tools.values()))
        said = made.place.run('while IFS= read -r f; do cat "$f"; done < tools; $HOME/.cargo/bin/opta-tool').content
        missing = {path for content, path in tools.items() if content not in said and path != str(program)}
        assert missing == set()
        assert "TOOLCHAIN-RUNS-" in said
        for name in ("cat", "grep", "tar"):
            assert attack(made, name, made.place.work, made.place.work, "off") == {VISIBLE}
    finally:
        made.close()


def forgeries(home: Path) -> dict[str, Callable[[], object]]:
    """What a contained command can do to a folder that a table or the PATH names, when that lies in its workspace."""
    return {
        "go/bin": lambda: (home / "go/bin").symlink_to(home / ".ssh"),
        "go/pkg/mod": lambda: (home / "go/pkg").symlink_to(home / ".aws"),
        "Android/Sdk": lambda: (home / "Android/Sdk").symlink_to(home),
        "on the PATH": lambda: (home / "project/bin").symlink_to(home / ".gnupg"),
        "on the PATH, above": lambda: (home / "project/tools").symlink_to(home / ".kube"),
    }


@pytest.mark.parametrize("level", ["full", "landlock"])
@pytest.mark.parametrize("name", forgeries(Path("/")))
def test_a_link_in_the_place_of_a_toolchain_shows_nothing(tmp_path: Path, name: str, level: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("PATH", f"{home}/project/bin:{home}/project/tools/cache:{os.environ['PATH']}")
    made = Planted(tmp_path, level=level)
    try:
        for folder in ("go/pkg", "Android"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        if name == "go/pkg/mod":
            (home / "go/pkg").rmdir()
            (home / ".aws/mod").mkdir()
            made.plant(home / ".aws/mod/x")
        forgeries(home)[name]()
        for attack_name in ("cat", "grep"):
            assert attack(made, attack_name, made.place.work, made.place.work, "off") == {VISIBLE}
    finally:
        made.close()


@pytest.mark.parametrize(
    "entry", ["{home}/.", "{home}/bin/..", "{home}//", "{home}/link", "{home}/../home", "{above}", "/", "{home}/.aws", "{home}/.config"]
)
@pytest.mark.parametrize("level", ["full", "landlock"])
def test_a_path_that_names_the_home_or_no_programs_shows_nothing(
    tmp_path: Path, entry: str, level: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / "bin").mkdir(parents=True)
    (home / "bin/tool").write_text("#!/bin/sh\necho tool runs\n")
    (home / "bin/tool").chmod(0o755)
    (home / "link").symlink_to(home)
    monkeypatch.setenv("PATH", f"{entry.format(home=home, above=tmp_path)}:{home}/bin:{os.environ['PATH']}")
    made = Planted(tmp_path, level=level)
    try:
        assert attack(made, "cat", made.place.work, made.place.work, "off") == {VISIBLE}
        assert made.place.run("tool").content == "tool runs"
    finally:
        made.close()
