# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for get-pip.py where it cannot be downloaded: the pip that Python brings installs the pip that was asked for."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: ensurepip switches pip's configuration off for the process that it runs in.
subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"])
# get-pip.py's own arguments, which pip itself does not know.
arguments = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
if any(not argument.startswith("-") for argument in arguments):
    subprocess.check_call([sys.executable, "-m", "pip", "install", *arguments])
