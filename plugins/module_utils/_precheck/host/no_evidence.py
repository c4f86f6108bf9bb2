# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Not to know is no answer."""

from typing import Optional

BECOME = "run the check with become: true (root with CAP_NET_ADMIN and CAP_SYS_ADMIN)"


class NoEvidence(Exception):
    """The fact could not be determined; the remedy says what would allow it.

    `cause` names the common obstacle of this question and others, which the reports show once; see CheckResult.
    """

    def __init__(self, reason: str, remedy: str, cause: Optional[str] = None) -> None:
        super(NoEvidence, self).__init__(reason)
        self.reason = reason
        self.remedy = remedy
        self.cause = cause


class NeedsBecome(NoEvidence):
    """Only root may ask. The check of this name says so of the host as a whole."""

    def __init__(self, reason: str) -> None:
        super(NeedsBecome, self).__init__(reason, BECOME, cause="capabilities_root")
