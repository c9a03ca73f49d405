"""Control files: files and folders that make a person's programs act (editors, agents, shells, package managers, git, CI).

A contained command can neither change nor create them. A file tool asks a person first at every level, or is refused. Each entry
names the document that says what the file does. A name applies at any depth of a workspace and in any spelling that a file system
treats as the same name (`actions.protected`).
"""

import fnmatch
from typing import Literal

import msgspec

Kind = Literal["folder", "file"]


class ControlFile(msgspec.Struct, frozen=True):
    """One entry. `name` may hold `*`. `is_refused`: no tool writes it, even if a person would allow it.

    `is_of_repository`: a service reads it only at the top of a repository, so a command may create one anywhere else.
    """

    name: str
    kind: Kind
    source: str
    is_refused: bool = False
    is_of_repository: bool = False


def _folders(source: str, *names: str, is_refused: bool = False, is_of_repository: bool = False) -> tuple[ControlFile, ...]:
    return tuple(ControlFile(name, "folder", source, is_refused, is_of_repository) for name in names)


def _files(source: str, *names: str, is_refused: bool = False, is_of_repository: bool = False) -> tuple[ControlFile, ...]:
    return tuple(ControlFile(name, "file", source, is_refused, is_of_repository) for name in names)


CONTROL_FILES: tuple[ControlFile, ...] = (
    # Opta and version control: these decide which programs run.
    *_folders("Opta: docs/permissions.md, Trust", ".opta", is_refused=True),
    *_folders("git-scm.com: githooks, git-config", ".git", is_refused=True),
    *_files("git-scm.com: gitmodules", ".gitmodules", is_refused=True),
    *_files("git-scm.com: git-config, FILES", ".gitconfig", is_refused=True),
    *_folders("mercurial-scm.org: hgrc, hooks", ".hg", is_refused=True),
    *_folders("jj-vcs.github.io: config", ".jj", is_refused=True),
    *_folders("sapling-scm.com: configuration", ".sl", is_refused=True),
    # Shells and login
    *_files(
        "gnu.org: bash, Bash Startup Files", ".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".bash_aliases", ".profile",
        is_refused=True,
    ),
    *_files("zsh.sourceforge.io: Startup/Shutdown Files", ".zshrc", ".zshenv", ".zprofile", ".zlogin", ".zlogout", is_refused=True),
    *_files("tcsh, ksh manual pages: FILES", ".cshrc", ".tcshrc", ".login", ".kshrc", ".mkshrc", is_refused=True),
    *_files("gnu.org: readline, Init File", ".inputrc", is_refused=True),
    *_files("screen, tmux manual pages", ".screenrc", ".tmux.conf", is_refused=True),
    # Programs that run something when a shell enters a folder
    *_files("direnv.net: direnv(1)", ".envrc", is_refused=True),
    *_folders("direnv.net: direnv(1)", ".direnv"),
    *_files("mise.jdx.dev: Configuration", ".mise.toml", "mise.toml", ".mise.local.toml", "mise.local.toml", ".mise.*.toml", ".rtx.toml"),
    *_folders("mise.jdx.dev: Configuration", ".mise"),
    *_files("devenv.sh: Getting started", "devenv.nix", "devenv.yaml"),
    *_files("mise.jdx.dev: tasks and hooks of an environment", ".miserc.toml", "mise.*.toml", "mise.*.local.toml"),
    *_folders("flox.dev: hook.on-activate; devbox: init_hook", ".flox"),
    *_files("jetify.com: devbox.json, init_hook", "devbox.json"),
    *_folders("shopify.github.io: shadowenv", ".shadowenv.d"),
    *_files("github.com/hyperupcall/autoenv, github.com/Tarrasch/zsh-autoenv", ".autoenv", ".autoenv.zsh", ".autoenv_leave.zsh", ".env.leave"),
    *_files("vfox.dev: configuration", ".vfox.toml"),
    *_files("moonrepo.dev: proto configuration", ".prototools"),
    # Editors
    *_folders("code.visualstudio.com: Tasks, Workspace Trust", ".vscode"),
    *_files("code.visualstudio.com: Workspaces", "*.code-workspace"),
    *_folders("jetbrains.com: Run/debug configurations, startup tasks", ".idea", ".run", ".fleet"),
    *_folders("containers.dev: devcontainer.json reference", ".devcontainer"),
    *_files("containers.dev: devcontainer.json reference", ".devcontainer.json"),
    *_folders("zed.dev: Tasks", ".zed"),
    *_folders("learn.microsoft.com: Visual Studio, tasks.vs.json", ".vs"),
    *_folders("eclipse.org: Project builders", ".externalToolBuilders", ".settings"),
    *_folders("nova.app: Tasks", ".nova"),
    *_files("sublimetext.com: Projects, build systems", "*.sublime-project", "*.sublime-build"),
    *_files("neovim.io: 'exrc'; vimhelp.org: 'exrc'", ".exrc", ".vimrc", ".gvimrc", ".nvimrc", ".nvim.lua", "_vimrc", ".lvimrc", ".vimrc.local"),
    *_files("gnu.org: emacs, Directory Variables", ".dir-locals.el", ".dir-locals-2.el"),
    *_folders("github.com/neoclide/coc.nvim: coc-settings.json of a workspace", ".vim", ".nvim"),
    *_files("lazy.folke.io: local spec", ".lazy.lua"),
    *_files("luals.github.io: runtime.plugin", ".luarc.json", ".luarc.jsonc"),
    *_files("ycm-core.github.io: .ycm_extra_conf.py", ".ycm_extra_conf.py"),
    *_files("lite-xl.com: project module", ".lite_project.lua"),
    *_files("gitpod.io: tasks; firebase.google.com: IDX, onCreate; docs.replit.com: onBoot", ".gitpod.yml", ".replit"),
    *_folders("firebase.google.com: IDX, onCreate; codesandbox.io: tasks", ".idx", ".codesandbox"),
    *_files("kakoune.org, helix-editor.com: local configuration", ".kakrc"),
    *_folders("docs.helix-editor.com: Configuration", ".helix"),
    # Agents
    *_files("modelcontextprotocol.io: server configuration of clients", ".mcp.json", is_refused=True),
    *_folders("code.claude.com: Settings, Hooks", ".claude"),
    *_files("code.claude.com: Settings", ".claude.json"),
    *_folders("cursor.com: MCP, Rules, Hooks", ".cursor"),
    *_folders("developers.openai.com: Codex configuration", ".codex"),
    *_folders("geminicli.com: Configuration", ".gemini"),
    *_folders("qwenlm.github.io: Qwen Code settings", ".qwen"),
    *_folders("docs.windsurf.com: Hooks, MCP", ".windsurf", ".codeium"),
    *_folders("docs.continue.dev: Configuration", ".continue"),
    *_folders("docs.cline.bot: Hooks, Rules", ".cline", ".clinerules"),
    *_folders("docs.roocode.com: MCP, Modes", ".roo"),
    *_files("docs.roocode.com: Custom Modes", ".roomodes"),
    *_folders("kilo.ai: MCP, Modes", ".kilocode", ".kilo"),
    *_folders("opencode.ai: Config, Plugins", ".opencode"),
    *_files("opencode.ai: Config", "opencode.json", "opencode.jsonc"),
    *_files("charm.land: Crush configuration", "crush.json", ".crush.json"),
    *_folders("docs.aws.amazon.com: Amazon Q, Kiro", ".amazonq", ".kiro"),
    *_folders("docs.augmentcode.com, jetbrains.com Junie, docs.trae.ai, ampcode.com", ".augment", ".junie", ".trae", ".amp", ".factory", ".goose", ".agents", ".agent"),
    *_folders("pi.dev: extensions of a project; docs.openhands.dev: setup.sh, hooks.json", ".pi", ".omp", ".openhands"),
    *_folders("docs.github.com: Copilot CLI; docs.mistral.ai: Vibe; qoder.com; codebuddy.ai; iflow.cn: settings, hooks", ".copilot", ".vibe", ".qoder", ".codebuddy", ".iflow"),
    *_files("conductor.build: scripts of a workspace", "conductor.json"),
    *_files("aider.chat: YAML config file", ".aider.conf.yml", ".aider.conf.yaml"),
    *_files("block.github.io: goose hints", ".goosehints"),
    # Package managers: registries, scripts that run at install
    *_files("npm documentation: npmrc", ".npmrc"),
    *_files("yarnpkg.com: yarnrc", ".yarnrc", ".yarnrc.yml"),
    *_files("pnpm.io: .pnpmfile.cjs", ".pnpmfile.cjs", ".pnpmfile.mjs", ".pnpmrc"),
    *_files("bun.com: bunfig.toml", "bunfig.toml", ".bunfig.toml"),
    *_files("pip.pypa.io: Configuration; packaging.python.org: .pypirc", "pip.conf", ".pypirc"),
    *_files("docs.astral.sh: uv configuration files", "uv.toml"),
    *_files("docs.conda.io: .condarc", ".condarc", "condarc", ".mambarc"),
    *_folders("doc.rust-lang.org: cargo configuration (runner, linker, alias)", ".cargo"),
    *_folders("maven.apache.org: Configuring Maven (extensions.xml, jvm.config)", ".mvn"),
    *_folders("bundler.io: bundle config", ".bundle"),
    *_files("guides.rubygems.org: gemrc; irb documentation", ".gemrc", ".irbrc", ".pryrc"),
    *_files("learn.microsoft.com: nuget.config", "nuget.config"),
    *_files("bazel.build: .bazelrc", ".bazelrc"),
    *_files("sbt, leiningen documentation: profiles", ".sbtopts", ".jvmopts", ".lein-profiles"),
    # Git hooks that other tools manage
    *_folders("typicode.github.io: husky", ".husky"),
    *_files("pre-commit.com: Adding pre-commit plugins", ".pre-commit-config.yaml", ".pre-commit-config.yml"),
    *_files("lefthook.dev: Configuration", "lefthook.yml", ".lefthook.yml", "lefthook.yaml", ".lefthook.yaml", "lefthook-local.yml", ".lefthook-local.yml"),
    *_folders("lefthook.dev: Configuration", ".lefthook"),
    *_files("github.com/sds/overcommit: Configuration", ".overcommit.yml"),
    # Debuggers and interpreters that read their working directory
    *_files("sourceware.org: gdb, Init File in the Current Directory; lldb.llvm.org", ".gdbinit", ".lldbinit"),
    *_files("docs.python.org: pdb", ".pdbrc"),
    *_files("stat.ethz.ch: R Startup", ".Rprofile", ".Renviron"),
    *_files("docs.julialang.org, ghc.gitlab.haskell.org: start-up files", ".ghci"),
    # Continuous integration
    *_folders("docs.github.com: Workflow syntax", ".github", is_of_repository=True),
    *_folders("forgejo.org, docs.gitea.com: Actions", ".forgejo", ".gitea", is_of_repository=True),
    *_files("docs.gitlab.com: CI/CD YAML syntax", ".gitlab-ci.yml", ".gitlab-ci.yaml", is_of_repository=True),
    *_folders("docs.gitlab.com", ".gitlab", is_of_repository=True),
    *_folders("circleci.com: Configuration reference", ".circleci", is_of_repository=True),
    *_files("jenkins.io: Using a Jenkinsfile", "Jenkinsfile"),
    *_files("learn.microsoft.com: Azure Pipelines", "azure-pipelines.yml", "azure-pipelines.yaml"),
    *_folders("learn.microsoft.com: Azure Pipelines", ".azure-pipelines", ".azuredevops", is_of_repository=True),
    *_files("docs.travis-ci.com", ".travis.yml", is_of_repository=True),
    *_files("docs.drone.io, woodpecker-ci.org", ".drone.yml", ".drone.star", ".woodpecker.yml", ".woodpecker.yaml", is_of_repository=True),
    *_folders("woodpecker-ci.org", ".woodpecker", is_of_repository=True),
    *_folders("buildkite.com: Defining steps", ".buildkite", is_of_repository=True),
    *_files("support.atlassian.com: bitbucket-pipelines.yml", "bitbucket-pipelines.yml", is_of_repository=True),
    *_files("appveyor.com: appveyor.yml", "appveyor.yml", ".appveyor.yml", is_of_repository=True),
    *_files("cirrus-ci.org", ".cirrus.yml", ".cirrus.star", is_of_repository=True),
    *_files("cloud.google.com, aws.amazon.com: build specifications", "cloudbuild.yaml", "buildspec.yml"),
    *_folders("jetbrains.com: TeamCity, versioned settings; harness.io; zuul-ci.org", ".teamcity", ".harness", ".zuul.d", "zuul.d", is_of_repository=True),
    *_files("zuul-ci.org; docs.taskcluster.net; packit.dev; codemagic.io; devcenter.bitrise.io", ".zuul.yaml", "zuul.yaml", ".taskcluster.yml", ".packit.yaml", "codemagic.yaml", "bitrise.yml", is_of_repository=True),
    *_folders("semaphoreci.com, tekton.dev", ".semaphore", ".tekton", is_of_repository=True),
    *_folders("docs.sourcehut.org: builds", ".builds", is_of_repository=True),
    *_files("docs.sourcehut.org: builds", ".build.yml", is_of_repository=True),
    *_files("docs.renovatebot.com: postUpgradeTasks", "renovate.json", ".renovaterc", ".renovaterc.json", is_of_repository=True),
)  # fmt: skip

_EXACT = {entry.name.casefold(): entry for entry in CONTROL_FILES if "*" not in entry.name}
_PATTERNS = tuple(entry for entry in CONTROL_FILES if "*" in entry.name)


def control_file(name: str) -> ControlFile | None:
    """The entry for a file or folder name, compared without regard to case; None for an ordinary name."""
    folded = name.casefold()
    found = _EXACT.get(folded)
    if found is None and folded.endswith((".code-workspace", ".sublime-project", ".sublime-build", ".toml")):
        found = next((entry for entry in _PATTERNS if fnmatch.fnmatchcase(folded, entry.name)), None)
    return found
