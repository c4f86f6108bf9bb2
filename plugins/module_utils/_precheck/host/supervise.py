# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Runs questions in a forked child that a parent watches, so that none can hang or crash the check.

A request may get no answer from the kernel (a module being loaded, a file system whose server is gone). No socket timeout and no signal
handler helps then; only another process can give up on it.
"""

import json
import math
import os
import select
import signal
import time
from typing import Any, Callable, Dict, List, Tuple

from .no_evidence import NoEvidence

Facts = Dict[str, Dict[str, Any]]
Questions = List[Tuple[str, Callable[[], Any]]]
# The parent does not wake up for each answer.
_NAP = 0.005


def ask_all(left: Callable[[Facts], Questions], item_deadline: float, until: float) -> Facts:
    """Every question's fact. One that is not answered within item_deadline is given up with its child; the others get a new one.

    `left` names the questions that the facts so far leave to be asked, none in the end. Child and parent both go by it, so it
    must depend on nothing else. `until` is the instant (monotonic) after which no probe begins.
    """
    facts: Facts = {}
    asked = left(facts)
    while asked:
        if time.monotonic() >= until:
            facts.update(
                (name, {"lost": "no time was left to ask", "remedy": "raise `deadline`", "cause": "deadline"})
                for name, _ask in asked
            )
        else:
            reason = _one_child(left, facts, item_deadline, until)
            unanswered = left(facts)[:1]
            facts.update(
                (name, {"lost": reason, "remedy": "look for what hangs in the host's kernel log"})
                for name, _ask in unanswered
            )
        asked = left(facts)
    return facts


def _one_child(left: Callable[[Facts], Questions], facts: Facts, item_deadline: float, until: float) -> str:
    """Takes in what a child answers, and says why it answered no more."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reading)
            _child(left, facts, item_deadline, writing)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    try:
        said, hung = _listen(reading, item_deadline, until)
    finally:
        os.close(reading)
        ended = _end(pid)
    # The last line is empty, or half of one.
    facts.update(json.loads(line.decode("ascii")) for line in said.split(b"\n")[:-1])
    return f"no answer within {item_deadline:g} s" if hung else f"the probing process ended ({ended})"


def _child(left: Callable[[Facts], Questions], facts: Facts, item_deadline: float, writing: int) -> None:
    # Should the parent be killed meanwhile, this one does not outlive it by long: SIGALRM's default action ends it.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    asked = left(facts)
    while asked:
        for name, ask in asked:
            signal.alarm(math.ceil(item_deadline) + 1)
            facts[name] = attempt(ask)
            line = (json.dumps([name, facts[name]]) + "\n").encode("ascii")
            while line:
                line = line[os.write(writing, line) :]
        asked = left(facts)


def attempt(ask: Callable[[], Any]) -> Dict[str, Any]:
    """The fact that a question gives, whatever it raises."""
    try:
        return {"value": ask()}
    except NoEvidence as missing:
        return {"lost": missing.reason, "remedy": missing.remedy, "cause": missing.cause}
    except OSError as error:
        if error.errno is None:
            return {"lost": str(error) or type(error).__name__}
        text = (error.strerror or "").strip()
        return {"errno": error.errno, "text": "" if text == os.strerror(error.errno) else text}
    except Exception as error:  # noqa: BLE001 - a fault in one question must not cost the answers to the others
        return {"lost": f"internal error: {type(error).__name__}: {error}"}


def _listen(reading: int, item_deadline: float, until: float) -> Tuple[bytes, bool]:
    """What was said, and whether the speaker fell silent without hanging up."""
    said: List[bytes] = []
    while True:
        give_up = min(time.monotonic() + item_deadline, until)
        if not select.select([reading], [], [], max(0.0, give_up - time.monotonic()))[0]:
            return b"".join(said), True
        chunk = os.read(reading, 65536)
        if not chunk:
            return b"".join(said), False
        said.append(chunk)
        time.sleep(_NAP)


def _end(pid: int) -> str:
    """Kills the child and waits for it a moment. One that is stuck in the kernel is left to init."""
    os.kill(pid, signal.SIGKILL)
    for _turn in range(100):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {status >> 8}"
        time.sleep(0.002)
    return "it cannot be killed"
