# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Runs questions in a forked child that a parent watches, so that none can hang or crash the check.

Neither a socket's timeout nor a signal handler helps against a request that the kernel does not answer (a module being
loaded, a file system whose server is gone): only another process can give up on it.
"""

import json
import math
import os
import select
import signal
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from .answers import NoEvidence

Item = Tuple[str, Callable[[], Any]]


def ask_all(
    items: List[Item], item_deadline: float, until: float, prepare: Optional[Callable[[], Any]] = None
) -> Dict[str, Dict[str, Any]]:
    """Every item's fact. An item that does not answer within item_deadline is given up with its child; the others get a new one.

    `until` is the instant (monotonic) at which nothing more is asked. `prepare` runs first in each child.
    """
    facts: Dict[str, Dict[str, Any]] = {}
    left = list(items)
    while left:
        if time.monotonic() >= until:
            facts.update(
                (name, {"lost": "no time was left to ask", "remedy": "raise `deadline`"}) for name, _ask in left
            )
            break
        answered, reason = _one_child(left, item_deadline, until, prepare)
        facts.update(answered)
        left = [item for item in left if item[0] not in facts]
        if left and reason:
            facts[left[0][0]] = {"lost": reason, "remedy": "look for what hangs in the host's kernel log"}
            left = left[1:]
    return facts


def _one_child(
    items: List[Item], item_deadline: float, until: float, prepare: Optional[Callable[[], Any]]
) -> Tuple[Dict[str, Dict[str, Any]], Optional[str]]:
    """What a child answered, and why the next item has no answer."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reading)
            _child(items, item_deadline, writing, prepare)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    try:
        answered, hung = _listen(reading, item_deadline, until)
    finally:
        os.close(reading)
        ended = _end(pid)
    if hung:
        return answered, "no answer within {:g} s".format(item_deadline)
    return answered, None if len(answered) == len(items) else "the probing process ended ({})".format(ended)


def _child(items: List[Item], item_deadline: float, writing: int, prepare: Optional[Callable[[], Any]]) -> None:
    # Should the parent be killed meanwhile, this one does not outlive it by long: SIGALRM's default action ends it.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_seconds(item_deadline))
    unprepared = attempt(prepare) if prepare else {"value": None}
    for name, ask in items:
        signal.alarm(_seconds(item_deadline))
        fact = attempt(ask) if "value" in unprepared else unprepared
        line = (json.dumps([name, fact]) + "\n").encode("ascii")
        while line:
            line = line[os.write(writing, line) :]


def _seconds(deadline: float) -> int:
    return math.ceil(deadline) + 1


def attempt(ask: Callable[[], Any]) -> Dict[str, Any]:
    """The fact that a question gives, whatever it raises."""
    try:
        return {"value": ask()}
    except NoEvidence as missing:
        return {"lost": missing.reason, "remedy": missing.remedy}
    except OSError as error:
        if error.errno is None:
            return {"lost": str(error) or type(error).__name__}
        text = (error.strerror or "").strip()
        return {"errno": error.errno, "text": "" if text == os.strerror(error.errno) else text}
    except Exception as error:  # noqa: BLE001 - a fault in one question must not cost the answers to the others
        return {"lost": "internal error: {}: {}".format(type(error).__name__, error)}


def _listen(reading: int, item_deadline: float, until: float) -> Tuple[Dict[str, Dict[str, Any]], bool]:
    answered: Dict[str, Dict[str, Any]] = {}
    pending = b""
    give_up = min(time.monotonic() + item_deadline, until)
    while True:
        ready = select.select([reading], [], [], max(0.0, give_up - time.monotonic()))[0]
        if not ready:
            return answered, True
        chunk = os.read(reading, 65536)
        if not chunk:
            return answered, False
        lines = (pending + chunk).split(b"\n")
        pending = lines.pop()
        for line in lines:
            name, fact = json.loads(line.decode("ascii"))
            answered[name] = fact
            give_up = min(time.monotonic() + item_deadline, until)


def _end(pid: int) -> str:
    """Kills the child and waits for it a moment. One that is stuck in the kernel is left to init."""
    os.kill(pid, signal.SIGKILL)
    for _turn in range(100):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return (
                "signal {}".format(os.WTERMSIG(status)) if os.WIFSIGNALED(status) else "status {}".format(status >> 8)
            )
        time.sleep(0.002)
    return "it cannot be killed"
