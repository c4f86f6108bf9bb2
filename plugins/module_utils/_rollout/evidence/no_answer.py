# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Why a host gave no result, and what to do: what Ansible, ssh, sudo and the host's Python say, for the person on call. Pure.

Each of them says it in its own way, on one line or on twenty, and the line that matters is seldom the first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

# What stands before the message itself.
_PREFIX = re.compile(
    r"Task failed: |Action failed: |Failed to connect to the host via ssh: "
    r'|Data could not be sent to remote host "[^"]*"\. Make sure this host can be reached over ssh: '
)
# ssh says it when the connection it shares is closed: true of every host, and a cause of nothing.
_NOISE = re.compile(r"Shared connection to \S+ closed\.|\W+")
# The shell's exit code; Ansible hands it on when the host has no Python where it is looked for.
_COMMAND_NOT_FOUND = 127
_MAY_NOT_BE_EXECUTED = 126
_TRACEBACK = "Traceback (most recent call last):"


class NoAnswer(NamedTuple):
    """Why a host gave no result, and what to do about it."""

    cause: str
    remedy: str | None
    """None where what was said is not known here."""


class _Known(NamedTuple):
    pattern: re.Pattern[str]
    cause: str
    """Groups of the pattern are put in, as re.Match.expand does it; so in the remedy."""
    remedy: str


_SUDO_ASKS = "give ansible_become_password for it (--ask-become-pass), or let the login use sudo without: NOPASSWD in /etc/sudoers.d"
_RIGHTS = (
    "give the login sudo rights for ALL commands in /etc/sudoers.d, or log in as a user who has them (ansible_user)"
)
_WRITABLE = (
    "free some space, or set ansible_remote_tmp to a directory that the login may write to; with ansible_pipelining=true nothing is "
    "written"
)
_PYTHON = (
    "install Python 3.6 or newer, or name the one that is there (ansible_python_interpreter); check a node without Python by a Job "
    "(precheck_nodes)"
)
_SILENT = "look at the host's load and disks; raise precheck_timeout where it is slow and well"


def _known(pattern: str, cause: str, remedy: str) -> _Known:
    return _Known(re.compile(pattern), cause, remedy)


_KNOWN = (
    # ssh's own words: openssh-portable, sshconnect.c, packet.c, kex.c and authfile.c.
    _known(
        r"REMOTE HOST IDENTIFICATION HAS CHANGED",
        "its SSH host key is not the one that is known for it (Host key verification failed)",
        "compare the host's key with what its console shows: if it was installed anew, drop the old key (ssh-keygen -R ADDRESS) and "
        "take the new one into known_hosts; else somebody else may answer at its address",
    ),
    _known(
        r"Host key verification failed",
        "its SSH host key is not known here (Host key verification failed)",
        "compare the host's key with what its console shows, and take it into known_hosts (ssh-keyscan ADDRESS >> ~/.ssh/known_hosts)",
    ),
    _known(
        r"(?:UNPROTECTED PRIVATE KEY FILE|bad permissions)",
        "ssh does not use the private key: others may read its file",
        "chmod 600 the file that ansible_ssh_private_key_file names",
    ),
    _known(
        r"(\S+@\S+: Permission denied \([\w,-]+\)\.?)",
        r"\1",
        "name the login and its key (ansible_user, ansible_ssh_private_key_file), and put the public key into the login's authorized_keys; "
        "the host's sshd may let in others only (AllowUsers, DenyUsers)",
    ),
    _known(
        r"(Too many authentication failures)",
        r"\1",
        "name the one key to be tried: ansible_ssh_private_key_file, and IdentitiesOnly=yes in ansible_ssh_common_args",
    ),
    _known(
        r"Invalid/incorrect (?:username/)?password",
        "the password of the login is not right",
        "correct ansible_user and ansible_password for it, or use a key",
    ),
    _known(
        r"(?:you must install the sshpass program)",
        "a password is to be used for SSH, and the controller has no sshpass",
        "install sshpass on the controller, or use a key (ansible_ssh_private_key_file)",
    ),
    _known(
        r"(Could not resolve hostname [^\n:]+)",
        r"\1",
        "set ansible_host to the host's address, or give its name to the resolver of the controller",
    ),
    _known(
        r"(Connection refused)",
        r"\1",
        "start sshd on the host, or set ansible_port to where it listens",
    ),
    _known(
        r"(No route to host|Network is unreachable|Connection timed out during banner exchange|Connection timed out|Operation timed out)",
        r"\1",
        "see whether the host is up, and whether a firewall lets the controller reach its SSH port (ansible_host, ansible_port)",
    ),
    _known(
        r"(no matching (?:host key type|key exchange method|cipher|MAC) found)",
        r"\1",
        "the host's sshd is older than this ssh allows: update it, or allow its algorithm in ansible_ssh_common_args",
    ),
    _known(
        r"(kex_exchange_identification: [^\r\n]+|Connection (?:closed|reset) by [^\r\n]+)",
        r"\1",
        "see in the journal of the host's sshd why it closes connections (MaxStartups, TCP wrappers, a full disk)",
    ),
    _known(
        r"(This account is currently not available|account (?:has )?expired|password (?:has )?expired"
        r"|required to change your password)",
        r"the login may not be used: \1",
        "give the login a shell and a password that has not expired, or another one (ansible_user)",
    ),
    # ansible-core since 2.19, and before.
    _known(
        r"(?:Timed out after |failed to execute in the expected time frame \()(\d+)",
        r"it did not answer within \1 s",
        _SILENT,
    ),
    _known(
        r"Timeout \((\d+)s\) waiting for privilege escalation prompt",
        r"it let Ansible in, but its shell or sudo did not answer within \1 s",
        "log in and try sudo: a name that the resolver does not know makes it wait (put the hostname into /etc/hosts); a login shell "
        "that asks something does too",
    ),
    # sudo's own words: plugins/sudoers/sudoers.c, auth/sudo_auth.c, parse_args.c; sudo-rs has others.
    _known(
        r"you must have a tty to run sudo",
        "its sudo wants a terminal (requiretty), and with pipelining there is none",
        "set ansible_pipelining=false for it, or exempt the login: Defaults:LOGIN !requiretty in /etc/sudoers.d",
    ),
    _known(
        r"(no new privileges|effective (?:UID|uid) is not 0|must be owned by uid 0 and have the setuid bit set)",
        r"its sudo cannot become root (\1)",
        "see that sudo has its setuid bit, on a file system without nosuid, and that sshd's unit has no NoNewPrivileges",
    ),
    _known(
        r"(account validation failure|PAM account management error|/etc/sudoers is world writable|syntax error near line|parse error in )",
        r"its sudo refuses everybody (\1)",
        "mend sudo on the host: visudo -c tells what is wrong in its files; PAM's account rules are in /etc/pam.d/sudo",
    ),
    _known(
        r"Incorrect \w+ password|\d+ incorrect password attempt|Sorry, try again\.|Authentication failure",
        "sudo does not take the password that was given (ansible_become_password)",
        "correct ansible_become_password for it",
    ),
    _known(
        r"Missing \w+ password|sudo: a (?:password|terminal) is required|a password is required to run sudo|no askpass program specified"
        r"|sudo-rs: interactive authentication is required",
        "sudo asks for a password there, and none was given (ansible_become_password)",
        _SUDO_ASKS,
    ),
    _known(
        r"(\S+) is not in the sudoers file",
        r"its login \1 has no sudo rights",
        _RIGHTS,
    ),
    _known(
        r"[Ss]orry, user \S+ (?:is not allowed to execute|may not run sudo)|is not allowed to run sudo",
        "its login may not run this by sudo",
        _RIGHTS,
    ),
    _known(
        r"sudo-rs: I'm sorry (\S+)\. I'm afraid I can't do that",
        r"its login \1 has no sudo rights",
        _RIGHTS,
    ),
    _known(
        r"(?:sudo: (?:command )?not found|sudo: No such file or directory)",
        "there is no sudo on it",
        "install sudo, name another way to root (ansible_become_method), or log in as root with ansible_become=false",
    ),
    # Where Ansible's files go: ansible-core plugins/action/__init__.py.
    _known(
        r"No usable temporary directory found in (\[.*?\])",
        r"nothing can be written on it, is its disk full? (no usable temporary directory in \1)",
        "free some space (df, df -i), or mount it writable again",
    ),
    _known(r"(No space left on device)", r"\1", _WRITABLE),
    _known(r"(Read-only file system)", r"\1", _WRITABLE),
    _known(
        r"Failed to create temporary directory",
        "Ansible may not make its temporary directory there (ansible_remote_tmp)",
        _WRITABLE,
    ),
    _known(
        r"Failed to set permissions on the temporary files",
        "the user to become may not read what Ansible wrote for it",
        "become root (ansible_become_user=root), or set ansible_pipelining=true: then nothing is written",
    ),
    _known(
        r"can't open file '([^']+)': \[Errno 1\] Operation not permitted",
        r"its Python may not open \1: something like fapolicyd forbids it",
        "set ansible_pipelining=true for it: then no file is run; or trust that directory",
    ),
    # Its Python.
    _known(
        r"requires a minimum of Python version ([\d.]+)\. Current version: ([\d.]+)",
        r"its Python is \2, and this Ansible wants \1",
        "name a newer one (ansible_python_interpreter); host_precheck itself runs on 3.6, so gather no facts of this host",
    ),
)
_NOT_FOUND = NoAnswer("no Python interpreter was found on it", _PYTHON)
_NOT_EXECUTABLE = NoAnswer(
    "its Python may not be executed",
    "see that the file that ansible_python_interpreter names is executable, on a file system without noexec",
)
_NO_INTERPRETER = re.compile(r"The module interpreter '[^']+' was not found")
_BY_CODE = {_COMMAND_NOT_FOUND: _NOT_FOUND, _MAY_NOT_BE_EXECUTED: _NOT_EXECUTABLE}


def why(answer: Mapping[str, Any]) -> NoAnswer:
    """The cause in one line, from the registered result of a host that failed or could not be reached.

    With a terminal, which Ansible takes where nothing is pipelined, sudo's words come with what the module printed.
    """
    message, stderr, stdout = (str(answer.get(part) or "") for part in ("msg", "module_stderr", "module_stdout"))
    for text in (message, stderr, stdout):
        for one in _KNOWN:
            found = one.pattern.search(text)
            if found:
                return NoAnswer(_expanded(found, one.cause), _expanded(found, one.remedy))
    said, detail = _telling_line(message), _telling_line(stderr)
    known = _BY_CODE.get(answer.get("rc") or 0) or (_NOT_FOUND if _NO_INTERPRETER.search(message) else None)
    if known:
        said, detail = known.cause, detail or _telling_line(stdout)
    if detail and detail not in said:
        said = f"{said} ({detail})" if said else detail
    return NoAnswer(said or "no message was given", known.remedy if known else None)


def _expanded(found: re.Match[str], text: str) -> str:
    return " ".join(found.expand(text).split())


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
