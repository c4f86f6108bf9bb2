# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test sanity over the collection, also where only package registries can be reached."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from . import layout

BOOTSTRAP = Path(__file__).with_name("pip_bootstrap.py")
# How ansible-test names the file that it could not download and would take instead.
WANTED = re.compile(r"can be manually downloaded and saved to: (\S+/get_pip_[0-9_]+\.py)")


def _ansible_test(collection: Path) -> tuple[int, str]:
    version = "{}.{}".format(*sys.version_info)
    command = ["ansible-test", "sanity", "--local", "--python", version, "--requirements", "--color", "no"]
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    process = subprocess.Popen(
        command,
        cwd=collection,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    for line in process.stdout or ():
        print(line, end="", flush=True)
        said.append(line)
    return process.wait(), "".join(said)


def main() -> int:
    with layout.copied("sanity") as collection:
        code, output = _ansible_test(collection)
        wanted = WANTED.search(output)
        if code == 0 or not wanted:
            return code
        print(
            "ansible-test could not download its pip bootstrap; trying again with the pip that Python brings\n",
            flush=True,
        )
        place = Path(wanted.group(1))
        shutil.copyfile(BOOTSTRAP, place)
        try:
            return _ansible_test(collection)[0]
        finally:
            # The place is shared with every other project of this user.
            place.unlink()


if __name__ == "__main__":
    sys.exit(main())
