# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""No question hangs or crashes the check, and none costs the answers to the others."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.supervise import (
    Facts,
    Questions,
    ask_all,
    attempt,
)


def hang() -> None:
    """Longer than a test may take: one that ends has not waited for it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGTERM})
    time.sleep(3600)


def refuse() -> None:
    raise OSError(22, "protocol")


def ask(*items: tuple[str, Any], item_deadline: float = 0.3, total: float = 10.0) -> dict[str, Any]:
    return ask_all(
        lambda known: [item for item in items if item[0] not in known], item_deadline, time.monotonic() + total
    )


def test_answers_come_back_by_name() -> None:
    assert ask(("a", lambda: 1), ("b", refuse)) == {"a": {"value": 1}, "b": {"errno": 22, "text": "protocol"}}


def test_a_question_that_hangs_is_killed_at_its_deadline_and_the_others_are_answered() -> None:
    found = ask(("a", lambda: 1), ("b", hang), ("c", lambda: 3))
    assert (found["a"], found["c"]) == ({"value": 1}, {"value": 3})
    assert "no answer within 0.3 s" in found["b"]["lost"]


def test_a_question_that_ends_its_process_costs_no_other_answer() -> None:
    found = ask(("a", lambda: os.kill(os.getpid(), signal.SIGUSR1)), ("b", lambda: 2))
    assert "signal 10" in found["a"]["lost"]
    assert found["b"] == {"value": 2}


def test_a_fault_in_a_question_is_its_answer() -> None:
    nothing: dict[str, int] = {}
    assert ask(("a", lambda: nothing["x"]), ("b", lambda: 2)) == {
        "a": {"lost": "internal error: KeyError: 'x'"},
        "b": {"value": 2},
    }


def test_an_answer_that_is_no_json_is_a_fault_of_its_question_only() -> None:
    found = ask(("a", lambda: {1}), ("b", lambda: 2))
    assert "lost" in found["a"]
    assert found["b"] == {"value": 2}


def test_after_the_last_instant_nothing_is_asked() -> None:
    assert ask(("a", lambda: 1), total=-1)["a"]["lost"] == "no time was left to ask"


def test_one_slow_question_does_not_take_the_whole_time() -> None:
    found = ask(("a", hang), ("b", hang), ("c", hang), item_deadline=0.4, total=0.6)
    assert all("lost" in fact for fact in found.values())


def test_what_is_asked_may_follow_from_the_answers_and_is_asked_by_the_same_process() -> None:
    def left(known: Facts) -> Questions:
        if "first" not in known:
            return [("first", os.getpid)]
        return [] if "second" in known else [("second", lambda: [known["first"]["value"], os.getpid()])]

    found = ask_all(left, 0.3, time.monotonic() + 10)
    assert found["second"]["value"] == [found["first"]["value"]] * 2
    assert found["first"]["value"] != os.getpid()


def test_a_question_that_hangs_late_costs_no_answer_that_was_given_before() -> None:
    def left(known: Facts) -> Questions:
        first = [item for item in [("a", os.getpid), ("b", hang)] if item[0] not in known]
        return first or [item for item in [("c", lambda: 3), ("d", hang), ("e", os.getpid)] if item[0] not in known]

    found = ask_all(left, 0.3, time.monotonic() + 10)
    assert [name for name in "abcde" if "value" in found[name]] == ["a", "c", "e"]
    assert found["a"]["value"] != found["e"]["value"]


def test_the_answers_given_before_a_process_ended_are_kept() -> None:
    found = ask(("a", lambda: "x" * 200000), ("b", lambda: os._exit(7)), ("c", lambda: 3))
    assert (len(found["a"]["value"]), found["c"]) == (200000, {"value": 3})
    assert "status 7" in found["b"]["lost"]


def test_no_process_is_left_over() -> None:
    ask(("a", lambda: 1), ("b", hang))
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_the_systems_own_words_are_not_repeated() -> None:
    def fail_plainly() -> None:
        raise OSError(2, os.strerror(2))

    assert attempt(fail_plainly) == {"errno": 2, "text": ""}
