# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command in the environment, or forgets the environment."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from . import collection, system_packages, virtualenv
from .places import CHECKOUT, cache
from .steps import SetupError, say


def variables(venv: Path, collections: Path) -> dict[str, str]:
    """The environment variables that a command gets; what the caller's shell says of Ansible is kept out of the tests."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHON"))}
    env.update(
        VIRTUAL_ENV=str(venv),
        PATH=os.pathsep.join([str(venv / "bin"), env.get("PATH", os.defpath)]),
        ANSIBLE_COLLECTIONS_PATH=str(collections),
        CALICO_OPS_CACHE=str(cache()),
        PYTHONPATH=os.pathsep.join([str(CHECKOUT), str(collections)]),
        # As sources to check; what mypy finds by PYTHONPATH it takes for a library without types.
        MYPYPATH=str(collections),
        PYTHONUNBUFFERED="1",
        # Compiled files go to the cache: root leaves nothing of its own in the checkout.
        PYTHONPYCACHEPREFIX=str(venv / "pycache"),
    )
    # Ansible refuses to start under a C locale, which bare machines have.
    if not any("utf" in env.get(name, "").lower() for name in ("LC_ALL", "LC_CTYPE", "LANG")):
        env["LC_ALL"] = "C.UTF-8"
    return env


def run(command: list[str], *, core: str, tarball: bool) -> None:
    venv = virtualenv.ready(virtualenv.CORES[core])
    system_packages.for_lab_hosts(venv / "bin" / "python")
    env = variables(venv, collection.installed(venv) if tarball else collection.linked())
    os.chdir(CHECKOUT)
    try:
        os.execvpe(command[0], command, env)  # noqa: S606
    except FileNotFoundError:
        raise SetupError(f"{command[0]}: no such command") from None


def clean() -> None:
    """Everything that a run makes again by itself within minutes; the Go binaries of the lab stay."""
    for name in ("collections", "foreign", "gates", "linked", "logs", "venvs"):
        if (cache() / name).exists():
            say(f"removing {cache() / name}")
            shutil.rmtree(cache() / name)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python3 -m tests.environment", description=__doc__)
    parser.add_argument(
        "--collection", action="store_true", help="with the built and installed tarball, not the checkout"
    )
    parser.add_argument(
        "--core", choices=virtualenv.CORES, default="newest", help="with this ansible-core (default: %(default)s)"
    )
    actions = parser.add_subparsers(dest="action", required=True)
    runner = actions.add_parser("run", help="run a command in the environment")
    runner.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    actions.add_parser("clean", help="remove the virtual environments and the installed collections")
    arguments = parser.parse_args()
    try:
        if arguments.action == "clean":
            clean()
            return
        command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
        if not command:
            parser.error("run: which command?")
        run(command, core=arguments.core, tarball=arguments.collection)
    except SetupError as error:
        say(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
