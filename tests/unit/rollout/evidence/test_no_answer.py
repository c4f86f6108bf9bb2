# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of what Ansible says of a host that gave no result, the report tells the cause, on one line."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.no_answer import (
    _KNOWN,
    NoAnswer,
    why,
)

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


def failed(
    stderr: str = "", stdout: str = "", rc: int = 1, msg: str = "Module result deserialization failed."
) -> dict[str, Any]:
    """As ansible-core 2.21 registers a module that printed no JSON."""
    return {"failed": True, "msg": msg, "module_stderr": stderr, "module_stdout": stdout, "rc": rc}


# What was said -> the cause, and what the remedy names. In the words of OpenSSH 9.2, sudo 1.8 to 1.9.15,
# sudo-rs 0.2 and ansible-core; what a host of the lab can be made to say is held there too (test_host_faults).
ANSWERS: list[tuple[dict[str, Any], str, str]] = [
    (
        {"msg": CHANGED_KEY},
        "its SSH host key is not the one that is known for it (Host key verification failed)",
        "ssh-keygen -R ADDRESS",
    ),
    ({"msg": UNKNOWN_KEY}, "its SSH host key is not known here (Host key verification failed)", "ssh-keyscan ADDRESS"),
    (
        {"msg": f"Task failed: {LOST}ssh: connect to host h port 22: Connection refused"},
        "Connection refused",
        "ansible_port",
    ),
    (
        {"msg": "Failed to connect to the host via ssh: ops@10.0.0.1: Permission denied (publickey,password)."},
        "ops@10.0.0.1: Permission denied (publickey,password).",
        "authorized_keys",
    ),
    (
        {
            "msg": "Failed to connect to the host via ssh: ssh: Could not resolve hostname edge-9: Name or service not known"
        },
        "Could not resolve hostname edge-9",
        "ansible_host",
    ),
    ({"msg": "ssh: connect to host 10.0.0.9 port 22: No route to host"}, "No route to host", "firewall"),
    (
        {
            "msg": "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by 10.0.0.1 port 22"
        },
        "kex_exchange_identification: Connection closed by remote host",
        "MaxStartups",
    ),
    (
        {"msg": "Unable to negotiate with 10.0.0.1 port 22: no matching host key type found. Their offer: ssh-rsa"},
        "no matching host key type found",
        "ansible_ssh_common_args",
    ),
    (
        {"msg": "@@@\n@ WARNING: UNPROTECTED PRIVATE KEY FILE! @\nPermissions 0644 for 'k' are too open."},
        "ssh does not use the private key: others may read its file",
        "chmod 600",
    ),
    (
        {"msg": "Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures"},
        "Too many authentication failures",
        "IdentitiesOnly",
    ),
    (
        {"msg": "Invalid/incorrect password: Permission denied"},
        "the password of the login is not right",
        "ansible_password",
    ),
    (
        {"msg": "to use the password_mechanism=sshpass, you must install the sshpass program"},
        "a password is to be used for SSH, and the controller has no sshpass",
        "install sshpass",
    ),
    (
        {"msg": "WARNING: Your password has expired.\nPassword change required but no TTY available."},
        "the login may not be used: password has expired",
        "ansible_user",
    ),
    ({"msg": "Task failed: Timed out after 120 second(s)."}, "it did not answer within 120 s", "precheck_timeout"),
    (
        {"msg": "The x.y.z action failed to execute in the expected time frame (20) and was terminated"},
        "it did not answer within 20 s",
        "precheck_timeout",
    ),
    (
        {"msg": "Timeout (12s) waiting for privilege escalation prompt:"},
        "it let Ansible in, but its shell or sudo did not answer within 12 s",
        "/etc/hosts",
    ),
    (
        failed("sudo: sorry, you must have a tty to run sudo\n"),
        "its sudo wants a terminal (requiretty), and with pipelining there is none",
        "ansible_pipelining=false",
    ),
    *(
        (said, "sudo asks for a password there, and none was given (ansible_become_password)", "NOPASSWD")
        for said in (
            {"msg": "Task failed: Missing sudo password"},
            failed("sudo: a password is required\n"),
            failed(
                "sudo: a terminal is required to read the password; either use the -S option\nsudo: a password is required\n"
            ),
            failed("sudo: no tty present and no askpass program specified\n"),
            failed("sudo-rs: interactive authentication is required\n"),
            # With a terminal sudo's words come with what the module prints.
            failed(CLOSED, stdout="sudo: a password is required\r\n"),
        )
    ),
    *(
        (
            said,
            "sudo does not take the password that was given (ansible_become_password)",
            "correct ansible_become_password",
        )
        for said in (
            {"msg": "Task failed: Incorrect sudo password"},
            failed("Sorry, try again.\nsudo: 3 incorrect password attempts\n"),
        )
    ),
    (
        failed(stdout="ops is not in the sudoers file.\r\nThis incident has been reported.\r\n"),
        "its login ops has no sudo rights",
        "sudoers.d",
    ),
    (
        failed("Sorry, user ops is not allowed to execute '/bin/sh -c echo x' as root on edge-1.\n"),
        "its login may not run this by sudo",
        "sudoers.d",
    ),
    (failed("ops is not allowed to run sudo on edge-1.\n"), "its login may not run this by sudo", "sudoers.d"),
    (failed("sudo-rs: I'm sorry ops. I'm afraid I can't do that\n"), "its login ops has no sudo rights", "sudoers.d"),
    (failed("/bin/sh: 1: sudo: not found\n", rc=127), "there is no sudo on it", "ansible_become_method"),
    (failed("bash: line 1: sudo: command not found\n", rc=127), "there is no sudo on it", "ansible_become_method"),
    (
        failed('sudo: The "no new privileges" flag is set, which prevents sudo from running as root.\n'),
        "its sudo cannot become root (no new privileges)",
        "NoNewPrivileges",
    ),
    (
        failed("sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set\n"),
        "its sudo cannot become root (must be owned by uid 0 and have the setuid bit set)",
        "nosuid",
    ),
    (
        failed("sudo: account validation failure, is your account locked?\nsudo: a password is required\n"),
        "its sudo refuses everybody (account validation failure)",
        "/etc/pam.d/sudo",
    ),
    (
        failed("sudo: /etc/sudoers is world writable\n"),
        "its sudo refuses everybody (/etc/sudoers is world writable)",
        "visudo -c",
    ),
    (
        {"msg": "No start of json char found", "module_stderr": NO_TEMPORARY},
        "nothing can be written on it, is its disk full? (no usable temporary directory in ['/tmp', '/home/ops'])",
        "df -i",
    ),
    (
        {"msg": "mkdir: cannot create directory '/home/ops/.ansible': No space left on device"},
        "No space left on device",
        "ansible_pipelining=true",
    ),
    (
        failed("mkdir: cannot create directory '/home/ops/.ansible': Read-only file system"),
        "Read-only file system",
        "ansible_remote_tmp",
    ),
    (
        {
            "msg": "Failed to create temporary directory. In some cases, you may have been able to authenticate and did not have"
        },
        "Ansible may not make its temporary directory there (ansible_remote_tmp)",
        "ansible_remote_tmp",
    ),
    (
        {
            "msg": "Failed to set permissions on the temporary files Ansible needs to create when becoming an unprivileged user"
        },
        "the user to become may not read what Ansible wrote for it",
        "ansible_become_user=root",
    ),
    (
        failed(
            "/usr/bin/python3: can't open file '/home/ops/.ansible/tmp/x/AnsiballZ_y.py': [Errno 1] Operation not permitted\n",
            rc=2,
        ),
        "its Python may not open /home/ops/.ansible/tmp/x/AnsiballZ_y.py: something like fapolicyd forbids it",
        "ansible_pipelining=true",
    ),
    (
        {"msg": "not found", "rc": 127, "module_stderr": CLOSED, "module_stdout": NOT_FOUND},
        "no Python interpreter was found on it (/bin/sh: 1: /usr/bin/python3: not found)",
        "ansible_python_interpreter",
    ),
    (
        failed(
            msg="Task failed: The module interpreter '/usr/bin/python3.9' was not found.",
            stdout="x: /usr/bin/python3.9: not found",
        ),
        "no Python interpreter was found on it (x: /usr/bin/python3.9: not found)",
        "precheck_nodes",
    ),
    (
        failed("/bin/sh: 1: /opt/python/bin/python3: Permission denied\n", rc=126),
        "its Python may not be executed (/bin/sh: 1: /opt/python/bin/python3: Permission denied)",
        "noexec",
    ),
    (
        {"msg": "ansible-core requires a minimum of Python version 3.9. Current version: 3.6.8 (default, Nov 14 2023)"},
        "its Python is 3.6.8, and this Ansible wants 3.9",
        "ansible_python_interpreter",
    ),
]


@pytest.mark.parametrize(("answer", "cause", "named"), ANSWERS, ids=[cause[:40] for _answer, cause, _named in ANSWERS])
def test_the_cause_and_what_to_do_are_told(answer: dict[str, Any], cause: str, named: str) -> None:
    found = why(answer)
    assert found.cause == cause
    assert named in (found.remedy or "")


def test_every_cause_that_is_known_has_an_answer_that_shows_it() -> None:
    def first(answer: dict[str, Any]) -> Any:
        texts = [str(answer.get(part) or "") for part in ("msg", "module_stderr", "module_stdout")]
        return next((one for text in texts for one in _KNOWN if one.pattern.search(text)), None)

    shown = [first(answer) for answer, _cause, _named in ANSWERS]
    assert [one.pattern.pattern for one in _KNOWN if one not in shown] == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"msg": "@@@@@@\n\n  boom  \nmore"}, "boom"),
        (
            {"msg": "No start of json char found", "module_stderr": TRACEBACK},
            "No start of json char found (MemoryError: out of memory)",
        ),
        ({"module_stderr": CLOSED}, "no message was given"),
        ({}, "no message was given"),
    ],
)
def test_of_what_is_not_known_the_line_that_matters_is_told_and_no_remedy_made_up(
    answer: dict[str, Any], told: str
) -> None:
    assert why(answer) == NoAnswer(told, None)
