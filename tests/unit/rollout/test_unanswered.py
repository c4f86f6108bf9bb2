# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of what Ansible says of a host that gave no result, the report tells the cause, on one line."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.unanswered import why

CHANGED_KEY = (
    "Failed to connect to the host via ssh: @@@@@@@@@@@@@@@@@@@@\r\n"
    "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n@@@@@@@@@@@@@@@@@@@@\r\n"
    "Host key for 10.0.0.1 has changed and you have requested strict checking.\r\nHost key verification failed."
)
UNKNOWN_KEY = (
    "No ED25519 host key is known for 10.0.0.1 and you have requested strict checking.\r\nHost key verification failed."
)
TRACEBACK = 'Traceback (most recent call last):\n  File "<stdin>", line 1, in <module>\nMemoryError: out of memory\n'
NO_TEMPORARY = (
    "Traceback (most recent call last):\n"
    "FileNotFoundError: [Errno 2] No usable temporary directory found in ['/tmp', '/home/ops']\n"
)
CLOSED = "Shared connection to 10.0.0.1 closed.\r\n"
LOST = 'Data could not be sent to remote host "10.0.0.1". Make sure this host can be reached over ssh: '
NOT_FOUND = "/bin/sh: 1: /usr/bin/python3: not found\r\n"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"msg": CHANGED_KEY}, "its SSH host key is not the one that is known for it (Host key verification failed)"),
        ({"msg": UNKNOWN_KEY}, "its SSH host key is not known here (Host key verification failed)"),
        ({"msg": f"Task failed: {LOST}Connection refused"}, "Connection refused"),
        ({"msg": "@@@@@@\n\n  boom  \nmore"}, "boom"),
        ({"msg": "Task failed: Timed out after 120 second(s)."}, "it did not answer within 120 s"),
        (
            {"msg": "The x.y.z action failed to execute in the expected time frame (20) and was terminated"},
            "it did not answer within 20 s",
        ),
        (
            {"msg": "Timeout (12s) waiting for privilege escalation prompt:"},
            "it let Ansible in, but its shell or sudo did not answer within 12 s",
        ),
        (
            {"msg": "Task failed: Missing sudo password"},
            "sudo asks for a password there, and none was given (ansible_become_password)",
        ),
        (
            {"msg": "No start of json char found", "module_stderr": NO_TEMPORARY},
            "nothing can be written on it, is its disk full? (no usable temporary directory in ['/tmp', '/home/ops'])",
        ),
        (
            {"msg": "No start of json char found", "module_stderr": TRACEBACK},
            "No start of json char found (MemoryError: out of memory)",
        ),
        (
            {"msg": "not found", "rc": 127, "module_stderr": CLOSED, "module_stdout": NOT_FOUND},
            "no Python interpreter was found on it (/bin/sh: 1: /usr/bin/python3: not found)",
        ),
        ({"module_stderr": CLOSED}, "no message was given"),
        ({}, "no message was given"),
    ],
)
def test_the_line_that_matters_is_told(answer: dict[str, Any], told: str) -> None:
    assert why(answer) == told
