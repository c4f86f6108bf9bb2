# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands for the interpreter on a host: runs Python with what it was given, and keeps what that and its children took."""

from __future__ import annotations

import json
import os
import sys

PLACE = "/opt/measured-python"
RESULT = "/opt/measured-python.json"


def main() -> None:
    child = os.posix_spawn(sys.executable, [sys.executable, *sys.argv[1:]], os.environ)
    _child, status, usage = os.wait4(child, 0)
    with open(RESULT, "w") as file:
        # Memory in KiB, of the largest process.
        json.dump({"cpu": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss}, file)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
