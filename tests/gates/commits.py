# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subjects of commits: at most 72 characters, and imperative as far as the first word's ending can tell.

Without arguments it reads the commits since the last tag. With --message FILE it reads one message, as git's hook commit-msg has it.
It needs nothing but git and Python: the hook runs with whatever python3 there is.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

LENGTH = 72
SINCE = "2026-11-29T17:30:00Z"
"""Commits made before are left as they are. A date, since a shallow clone has none of the commits that one could name."""

IMPERATIVE = {
    "ed": {
        "embed",
        "exceed",
        "feed",
        "need",
        "proceed",
        "seed",
        "shed",
        "speed",
        "succeed",
        "wed",
        "weed",
        "bed",
        "heed",
    },
    "ing": {"bring", "cling", "fling", "ping", "ring", "sing", "sling", "spring", "sting", "string", "swing", "wring"},
    "s": {"alias", "bias", "bus", "canvas", "focus"},
}
"""Verbs that end like another form of one."""
NO_VERB = {
    "a",
    "all",
    "an",
    "every",
    "it",
    "no",
    "now",
    "some",
    "that",
    "the",
    "there",
    "this",
    "what",
    "when",
    "where",
    "who",
}
FORMS = {"ed": "the past tense", "ing": "a gerund", "s": "the third person or a plural"}
OWN = ('Revert "', "Merge ", "fixup! ", "squash! ", "amend! ")
"""Subjects that git writes itself."""


def complaints(subject: str) -> list[str]:
    """What is wrong with a subject."""
    if subject.startswith(OWN):
        return []
    words = subject.split()
    found = [f"{len(subject)} characters, and may have {LENGTH}"] if len(subject) > LENGTH else []
    if not words:
        return ["there is none"]
    form = _form(words[0].lower().rstrip(":,"))
    return (
        [*found, f"{words[0]!r} is {form}, not an imperative: say what the commit does (Add, Let, Refuse)"]
        if form
        else found
    )


def _form(word: str) -> str:
    if word in NO_VERB:
        return "no verb"
    for ending, form in FORMS.items():
        if word.endswith(ending) and not word.endswith("ss") and word not in IMPERATIVE[ending]:
            return form
    return ""


def made_since(checkout: Path, since: str = SINCE) -> list[tuple[str, str]]:
    """Hash and subject of each commit since the last tag, but none from before `since`; merges have git's own words."""

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["git", "-c", f"safe.directory={checkout}", "-C", str(checkout), *arguments]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    tag = git("describe", "--tags", "--abbrev=0").stdout.strip()
    listed = git("log", "--no-merges", f"--since={since}", "--format=%h%x09%s", f"{tag}..HEAD" if tag else "HEAD")
    if listed.returncode != 0:
        raise SystemExit(f"git cannot list the commits: {listed.stderr.strip()}")
    return [(name, subject) for name, _tab, subject in (line.partition("\t") for line in listed.stdout.splitlines())]


def subject_of(message: str) -> str:
    """The first line that is neither empty nor a comment."""
    lines = (line.strip() for line in message.splitlines() if not line.startswith("#"))
    return next((line for line in lines if line), "")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tests.gates.commits", description=__doc__)
    parser.add_argument("--message", type=Path, metavar="FILE", help="check the message in this file only")
    given = parser.parse_args(arguments)
    if given.message:
        commits = [("this commit", subject_of(given.message.read_text(encoding="utf-8")))]
    else:
        commits = made_since(Path.cwd())
    wrong = [(name, subject, found) for name, subject in commits if (found := complaints(subject))]
    for name, subject, found in wrong:
        print(f"{name} {subject!r}: {'; '.join(found)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
