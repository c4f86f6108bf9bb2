# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the slow commands of the set-up, each with a line that says what happens and how long it took."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Optional

HEARTBEAT = 30.0
TAIL = 40


class SetupError(Exception):
    """The message says what failed and what to do."""


def say(text: str) -> None:
    print(f"environment: {text}", file=sys.stderr, flush=True)


def step(
    title: str,
    command: Sequence[str],
    *,
    log: Path,
    timeout: float,
    cwd: Optional[Path] = None,
    env: Optional[Mapping[str, str]] = None,
) -> None:
    """Run one command to its end; its output goes to `log`, and is shown only when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    say(f"{title} ...")
    started = time.monotonic()
    with open(log, "w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=cwd, env=env
        )
        try:
            _await(process, title, started, timeout)
        except BaseException:
            process.kill()
            process.wait()
            raise
    elapsed = time.monotonic() - started
    if process.returncode != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
        raise SetupError("\n".join([f"{title}: failed after {elapsed:.0f} s; the end of {log}:", *lines]))
    say(f"{title}: done in {elapsed:.0f} s")


def _await(process: subprocess.Popen[bytes], title: str, started: float, timeout: float) -> None:
    while True:
        remaining = started + timeout - time.monotonic()
        if remaining <= 0:
            raise SetupError(f"{title}: not done after {timeout:.0f} s, given up")
        try:
            process.wait(min(HEARTBEAT, remaining))
            return
        except subprocess.TimeoutExpired:
            say(f"{title}: {time.monotonic() - started:.0f} s")
