# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Text on the screen while a task runs: on a terminal, in a pipe, and as events of ansible-runner."""

from __future__ import annotations

import contextlib
import io
import signal
import sys
from collections.abc import Iterator

from ansible import constants
from ansible.utils.display import Display

MACHINE_READABLE = ("json", "jsonl")
"""Callbacks that make a document of standard output: it stays whole, and the text goes to standard error."""


def without_delay() -> None:
    """Let lines through as they come.

    A worker hands its lines to the process that started it. That process flushes its standard output only when it starts the next
    worker, so that in a pipe all lines of a task would come at its end. Ansible loads an action plugin there before the task begins.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)


def show(text: str) -> None:
    name = str(constants.DEFAULT_STDOUT_CALLBACK).rpartition(".")[2]
    with _uninterrupted():
        Display().display(text, stderr=name in MACHINE_READABLE)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits for the end of the text.

    A worker that is ended while it hands a line over keeps the lock of the queue, and the process that started it waits for that lock
    for ever (multiprocessing.SimpleQueue.put in StrategyBase.cleanup).
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
