"""opta daemon install, uninstall: the service manager of the system starts the daemon at every login. `--everything` removes Opta's files."""

import argparse
import sys
from typing import Any

from opta_core.errors import Refused
from opta_core.secrets.vault import Vault

from ..ask import confirm
from ..exit_codes import ExitCode
from ..home_removal import plan_of, remove
from ..lmx import install as lmx_install
from ..login_service import installed_file, run_manager, service_file
from ..plain_text import print_plain
from ..progress_bars import waiting
from ..supervise import stop


def install(loaded: Any, args: argparse.Namespace) -> int:
    """opta daemon install [--print]"""
    file = service_file(loaded, sys.platform)
    if args.print:
        print_plain(file.text.rstrip())
        return ExitCode.done
    loaded.paths.make()
    file.path.parent.mkdir(parents=True, exist_ok=True)
    file.path.write_text(file.text)
    with waiting("starting the daemon"):
        run_manager(file.start)
    print_plain(f"{file.path} is written. The daemon runs, and starts at every login. Undo it: opta daemon uninstall")
    return ExitCode.done


def uninstall(loaded: Any, args: argparse.Namespace) -> int:
    """opta daemon uninstall [--everything [--yes]]"""
    if args.everything:
        return _uninstall_everything(loaded, is_confirmed=args.yes)
    file = service_file(loaded, sys.platform)
    if not file.path.exists():
        raise Refused(f"{file.path} does not exist: the daemon is not installed for this user.")
    with waiting("stopping the daemon"):
        run_manager(file.stop)
    file.path.unlink()
    print_plain(f"{file.path} is removed, and the daemon is stopped. Sessions and settings are kept.")
    return ExitCode.done


def _uninstall_everything(loaded: Any, *, is_confirmed: bool) -> int:
    """Show what goes and what stays, ask, and leave nothing of this home but the sessions."""
    plan = plan_of(loaded.paths)
    services = [path for path in (installed_file(loaded), lmx_install.installed_file(loaded)) if path is not None]
    keys = [account.name for account in Vault(loaded.paths, allows_file=True).accounts() if account.kept == "keychain"]
    print_plain(f"Uninstalling Opta from {loaded.paths.home} ends its daemon, and removes:")
    for path in services:
        print_plain(f"  {path}  (starts it at login)")
    for name in keys:
        print_plain(f"  the key of {name} in the keychain")
    for removal in plan.removals:
        print_plain(f"  {removal.path}  ({removal.what}, {removal.size / 1e6:.1f} MB)")
    print_plain(f"What stays: {', '.join(plan.stays) or 'nothing'}.")
    if not is_confirmed and not confirm("Remove this?"):
        raise Refused("Nothing was removed. Without a terminal, --yes is the answer.")
    if (path := installed_file(loaded)) is not None:
        run_manager(service_file(loaded, sys.platform).stop)
        path.unlink()
    if lmx_install.installed_file(loaded) is not None:
        lmx_install.uninstall(loaded)
    with waiting("stopping the daemon"):
        stop(loaded)
    vault = Vault(loaded.paths, allows_file=True)
    for name in keys:
        vault.remove(name)
    # What the daemon wrote while it stopped goes, too.
    remove(plan_of(loaded.paths))
    print_plain(f"Opta is removed from {loaded.paths.home}. The program itself is in {sys.prefix}: remove that folder, or its checkout.")
    return ExitCode.done
