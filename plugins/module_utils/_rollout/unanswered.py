# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Why a host gave no result: what Ansible, ssh, sudo and the host's Python say, as the person on call needs it. Pure.

Each of them says it in its own way, on one line or on twenty, and the line that matters is seldom the first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# What stands before the message itself.
_PREFIX = re.compile(
    r"Task failed: |Action failed: |Failed to connect to the host via ssh: "
    r'|Data could not be sent to remote host "[^"]*"\. Make sure this host can be reached over ssh: '
)
# ssh says it when the connection it shares is closed: true of every host, and a cause of nothing.
_NOISE = re.compile(r"Shared connection to \S+ closed\.|\W+")
# The shell's exit code; Ansible hands it on when the host has no Python where it is looked for.
_COMMAND_NOT_FOUND = 127
_TRACEBACK = "Traceback (most recent call last):"

_KNOWN = (
    (
        re.compile(r"REMOTE HOST IDENTIFICATION HAS CHANGED"),
        "its SSH host key is not the one that is known for it (Host key verification failed)",
    ),
    (
        re.compile(r"Host key verification failed"),
        "its SSH host key is not known here (Host key verification failed)",
    ),
    (
        # ansible-core since 2.19, and before.
        re.compile(r"(?:Timed out after |failed to execute in the expected time frame \()(\d+)"),
        r"it did not answer within \1 s",
    ),
    (
        re.compile(r"Timeout \((\d+)s\) waiting for privilege escalation prompt"),
        r"it let Ansible in, but its shell or sudo did not answer within \1 s",
    ),
    (
        re.compile(r"Missing sudo password|sudo: a password is required"),
        "sudo asks for a password there, and none was given (ansible_become_password)",
    ),
    (
        re.compile(r"No usable temporary directory found in (\[.*?\])"),
        r"nothing can be written on it, is its disk full? (no usable temporary directory in \1)",
    ),
)


def why(answer: Mapping[str, Any]) -> str:
    """One line from the registered result of a host that failed or could not be reached."""
    message, stderr = str(answer.get("msg") or ""), str(answer.get("module_stderr") or "")
    for text in (message, stderr):
        for pattern, told in _KNOWN:
            found = pattern.search(text)
            if found:
                return found.expand(told)
    said, detail = _telling_line(message), _telling_line(stderr)
    if answer.get("rc") == _COMMAND_NOT_FOUND:
        said, detail = "no Python interpreter was found on it", detail or _telling_line(answer.get("module_stdout"))
    if detail and detail not in said:
        said = f"{said} ({detail})" if said else detail
    return said or "no message was given"


def _telling_line(text: Any) -> str:
    """The first line that says something; of a traceback the last, which names the exception."""
    message = str(text or "")
    while _PREFIX.match(message):
        message = _PREFIX.sub("", message, count=1)
    lines = [line.strip() for line in message.splitlines()]
    telling = [line for line in lines if line and not _NOISE.fullmatch(line)]
    if not telling:
        return ""
    return telling[-1 if telling[0] == _TRACEBACK else 0]
