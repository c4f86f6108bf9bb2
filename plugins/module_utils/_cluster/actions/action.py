# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What an action is: it can be carried out, foreseen in check mode, predicted, and it tells what came of it.

Each file beside this one has one action, and `registry` has them all by what a decision calls them (`do`).
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from ..._kube.client import ApiError, Cluster
from ..._rollout.documents import Observation, Plan, RolloutState
from ..._rollout.documents.actions import Writing
from ..._rollout.errors import RolloutError
from ..._rollout.operator.intent import Wishes
from ..._rollout.reducer.refusals import remembered

INSTALLATION = "Installation/default"

A = TypeVar("A")


@dataclass(frozen=True)
class Limits:
    """Of one call of rollout_step."""

    max_duration: float
    rate: float
    concurrency: int


@dataclass(frozen=True)
class Call:
    """What an action is carried out with."""

    cluster: Cluster
    plan: Plan
    wishes: Wishes
    installation_spec: Mapping[str, Any] | None
    limits: Limits
    clock: Callable[[], float]
    seen: Observation
    """The cluster as it was when the action was decided; in check mode, as all actions before would have left it."""
    deadline: float | None
    """Instant (monotonic) after which no further write begins; None in check mode."""


class Change(NamedTuple):
    """One part of a diff: the fields that were written, and no others."""

    header: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


class Told(NamedTuple):
    """What a caller reads of an action."""

    entry: dict[str, Any] | None = None
    """Its entry in `actions`; None where nothing came of it."""
    changed: bool = False
    diff: Sequence[Change] = ()


class Learned(Protocol):
    """What an action leaves to remember."""

    def kept_in(self, state: RolloutState, now: float) -> RolloutState:
        """The state with it."""


class Answers(NamedTuple):
    """How the API server took writes of one kind, or the trial of them."""

    write: Writing
    said: Mapping[str, str]
    """Its words by object, for those that it refuses for now."""
    tried: Collection[str]

    def kept_in(self, state: RolloutState, now: float) -> RolloutState:
        after = state.copy()
        after["refused"] = remembered(state["refused"], self.write, self.said, self.tried, now)
        return after


class Done(NamedTuple):
    """What came of an action."""

    told: Told
    until: float | None = None
    """The next decision is taken at this instant, or earlier if something changes; None: at once."""
    stored: Sequence[tuple[str, Sequence[Mapping[str, Any]]]] = ()
    """The raw objects that the writes returned, by kind of `observe.KINDS`: decided is on nothing older."""
    learned: Learned | None = None
    again: bool = False
    """Some writes are still to be done: the next decision comes after a pause."""
    failure: str | None = None
    """Why the rollout cannot go on."""


class RefusedForNow(RolloutError):
    """The API server does not take a write, or gives no answer. The same write may succeed later."""

    def __init__(self, answers: Answers, message: str):
        super().__init__(message)
        self.answers = answers


@contextlib.contextmanager
def refusable(write: Writing) -> Iterator[None]:
    """A write of the Installation, or its trial: a refusal that may pass becomes RefusedForNow, any other stays ApiError."""
    try:
        yield
    except ApiError as error:
        if not error.is_passing:
            raise
        raise RefusedForNow(Answers(write, {INSTALLATION: error.said}, [INSTALLATION]), str(error)) from error


class Handler(ABC, Generic[A]):
    """One kind of action. `Told` is made by one function for both modes, so that check mode tells what a real run tells."""

    looks_anew: ClassVar[bool] = False
    """Its decision is taken on fresh lists, and so is the one after it."""
    begins_a_call: ClassVar[bool] = False
    """It takes long, so that a line of progress stands before it."""

    def try_out(self, actions: Sequence[A], call: Call, state: RolloutState) -> Iterator[RolloutState]:
        """Before any action of a decision is carried out or foreseen: what would the API server say to these? Nothing is written.

        Yields the state with what the trials left to remember. Raises RefusedForNow or RolloutError.
        """
        yield from ()

    @abstractmethod
    def carry_out(self, action: A, call: Call) -> Done:
        """Do it, and tell what came of it."""

    @abstractmethod
    def foresee(self, action: A, call: Call) -> Done:
        """What carry_out would do, by the API server's judgement where it has one. Nothing is written."""

    def predict(self, action: A, call: Call) -> Observation:
        """The cluster once the action is done. What the cluster does by itself then is not part of it. Waiting changes nothing."""
        return call.seen
