# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A listener on the ports that are free, which ends by itself."""

import contextlib
import errno
import os
import select
import signal
import socket
import time
from typing import Any, Dict, List, Tuple

from . import wire
from .wire import IPIP, Addresses, Target

LISTENING, IN_USE = "listening", "in_use"
_BACKLOG = 128
_PATIENCE = 2.0
"""Seconds that somebody who connected has to say the question."""


def start(targets: List[Target], own: Addresses, token: str, seconds: float) -> Dict[str, str]:
    """By target: `listening`, `in_use`, or why it cannot be listened on. The listener runs on after the return, for `seconds` at most."""
    told: Dict[str, str] = {}
    sockets: List[Tuple[Target, socket.socket]] = []
    for one in targets:
        address = own.of(one)
        if address is None:
            told[str(one)] = f"this host has no IPv{6 if one.ipv6 else 4} address"
            continue
        try:
            sockets.append((one, _bound(one, address)))
            told[str(one)] = LISTENING
        except OSError as error:
            told[str(one)] = IN_USE if error.errno == errno.EADDRINUSE else f"{error.strerror or error}"
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    control.bind(wire.control_name(token))
    control.listen(1)
    _detach(lambda: _serve(sockets, control, token, time.monotonic() + seconds), seconds)
    for _target, one_socket in sockets:
        one_socket.close()
    control.close()
    return told


def stop(token: str) -> bool:
    """End the listener; False when it had ended before, and so may not have been there for every probe."""
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    control.settimeout(_PATIENCE)
    try:
        control.connect(wire.control_name(token))
        # It closes the connection when its ports are closed.
        control.recv(1)
    except OSError:
        return False
    finally:
        control.close()
    return True


def _bound(one: Target, address: str) -> socket.socket:
    bound = wire.opened(one)
    try:
        if one.stream:
            # Connections of an earlier run that linger are nobody's listener; a listener still makes bind() fail.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, 0 if one.protocol == IPIP else one.port))
        if one.stream:
            bound.listen(_BACKLOG)
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound


def _detach(serve: Any, seconds: float) -> None:
    """Run in a process of its own that no session waits for: with a terminal's or a pipe's end open, SSH would not return."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork() == 0:
            # Should the loop ever hang, SIGALRM's default action ends the process.
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(int(seconds) + 5)
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(null, descriptor)
            os.chdir("/")
            serve()
    finally:
        os._exit(0)


def _serve(sockets: List[Tuple[Target, socket.socket]], control: socket.socket, token: str, until: float) -> None:
    _close_all_but([one.fileno() for _target, one in sockets] + [control.fileno()])
    by_number = {one.fileno(): (target, one) for target, one in sockets}
    waiting: Dict[int, Tuple[socket.socket, float]] = {}
    while time.monotonic() < until:
        for number in [number for number, (_one, patience) in waiting.items() if patience < time.monotonic()]:
            waiting.pop(number)[0].close()
        numbers = list(by_number) + list(waiting) + [control.fileno()]
        for number in select.select(numbers, [], [], min(1.0, max(0.0, until - time.monotonic())))[0]:
            if number == control.fileno():
                asking = control.accept()[0]
                for _target, one in sockets:
                    one.close()
                asking.close()
                return
            with contextlib.suppress(OSError):
                if number in waiting:
                    _answer_connection(waiting.pop(number)[0], token)
                elif by_number[number][0].stream:
                    connection = by_number[number][1].accept()[0]
                    waiting[connection.fileno()] = (connection, time.monotonic() + _PATIENCE)
                else:
                    _answer_packet(*by_number[number], token=token)


def _answer_connection(connection: socket.socket, token: str) -> None:
    try:
        connection.setblocking(False)
        if wire.is_word(connection.recv(wire.WORD), wire.question(token)):
            connection.send(wire.answer(token))
    finally:
        connection.close()


def _answer_packet(target: Target, one: socket.socket, token: str) -> None:
    packet, sender = one.recvfrom(wire.LARGEST)
    raw = target.protocol == IPIP
    said = wire.unwrapped(packet) if raw else packet
    answer = None if said is None else wire.answer_to(said, token)
    if answer is not None:
        one.sendto(wire.wrapped(answer) if raw else answer, sender)


def _close_all_but(kept: List[int]) -> None:
    """What Ansible and SSH opened is theirs: a pipe's end that stays open here keeps the task from ending."""
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        if number > 2 and number not in kept:
            with contextlib.suppress(OSError):
                os.close(number)
