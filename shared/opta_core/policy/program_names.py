"""The names under which the tables may list a program: GNU tools with a prefix, versions, cross compilers, links, other spellings."""

import os
import re
from functools import lru_cache

# Prefixes that systems give to GNU or Rust coreutils: Homebrew and BSD `g`, Ubuntu `gnu`, uutils `uu-`.
_PREFIXES = ("gnu", "uu-", "uu_", "uutils-", "rust-", "g")
_PREFIXED = frozenset(
    """
    awk b2sum base32 base64 basename cat chgrp chmod chown chroot cksum comm cp csplit cut date dd df diff dir dircolors dirname du echo
    env expand expr factor false find fmt fold grep head hostid id install join kill link ln locate logname ls make md5sum mkdir mkfifo
    mknod mktemp mv nice nl nohup nproc numfmt od paste patch pathchk pinky pr printenv printf ptx pwd readlink realpath rm rmdir
    runcon sed seq sha1sum sha256sum shred shuf sleep sort split stat stdbuf stty sum sync tac tail tar tee test timeout touch tr true
    truncate tsort tty uname unexpand uniq unlink uptime users vdir wc who whoami xargs yes
    """.split()
)
# Alias -> the name in the tables.
_ALSO = {
    line.split()[0]: line.split()[1]
    for line in """
    fdfind fd
    batcat bat
    nodejs node
    tofu terraform
    tf terraform
    kubecolor kubectl
    oc kubectl
    pacapt pacman
    hub gh
    dnf5 dnf
    apt-get apt
    aptitude apt
    microdnf dnf
    ripgrep rg
    zrm rm
    srm shred
    wipe shred
    scrub shred
    mariadb mysql
    mysqlsh mysql
    valkey-cli redis-cli
    keydb-cli redis-cli
    mongo mongosh
    pgcli psql
    mycli mysql
    litecli sqlite3
    sqlite sqlite3
    cc gcc
    c++ gcc
    g++ gcc
    clang gcc
    clang++ gcc
    cpp gcc
    gfortran gcc
    c89 gcc
    c99 gcc
    uncompress compress
    gunzip gzip
    ungzip gzip
    unpigz gzip
    pigz gzip
    bunzip2 bzip2
    pbzip2 bzip2
    lbzip2 bzip2
    unxz xz
    lzma xz
    unlzma xz
    pixz xz
    pxz xz
    plzip lzip
    unlzip lzip
    unzstd zstd
    zstdmt zstd
    pzstd zstd
    unlz4 lz4
    file-rename rename
    prename rename
    perl-rename rename
    rename.ul rename
    renameutils rename
    qmv rename
    imv rename
    vidir rename
    mmv rename
    tnftp ftp
    gmake make
    bmake make
    7za 7z
    7zr 7z
    7zz 7z
    p7zip 7z
    bsdtar tar
    star tar
    pnpm npm
    yarn npm
    yarnpkg npm
    bun npm
    cnpm npm
    docker-compose docker
    nerdctl docker
    podman docker
    flyctl fly
    skhd systemctl
    gvpr awk
    """.splitlines()
    if line.strip()
}
# One binary for many programs: the name that it is called by selects the program.
MULTICALL = frozenset("busybox toybox coreutils uutils mise asdf volta volta-shim rustup nix sudo-rs hyperbox".split())


@lru_cache(maxsize=512)
def names_of(name: str, program: str = "") -> tuple[str, ...]:
    """Every name under which the tables may list a program, from the name it is called by and from the file `program` that runs."""
    found = _spellings(name)
    if program and (real := os.path.basename(os.path.realpath(program))) not in MULTICALL:
        found += _spellings(real)
    return tuple(dict.fromkeys(found))


def _spellings(name: str) -> list[str]:
    # A case-insensitive file system finds RM too.
    found = [name, name.casefold()]
    low = found[-1]
    found += [low.removeprefix(prefix) for prefix in _PREFIXES if low.startswith(prefix) and low.removeprefix(prefix) in _PREFIXED]
    # gcc-13, clang++-17, pip3.12, x86_64-linux-gnu-gcc, mkfs.ext4
    bare = re.sub(r"[-.]?\d[\d.]*\Z", "", low)
    found.append(bare)
    if (target := re.fullmatch(r"[\w.]+(?:-[\w.]+)+-(gcc|g\+\+|cpp|clang|clang\+\+|gfortran)", bare)) is not None:
        found.append(target.group(1))
    if low.startswith(("mkfs.", "mke2fs", "mkswap", "mkntfs", "newfs", "mkdosfs")):
        found.append("mkfs")
    found += [_ALSO[spelling] for spelling in found if spelling in _ALSO]
    return found
