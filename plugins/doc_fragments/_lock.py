# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Where the rollout's lock is: goes with lock.LOCK_OPTIONS."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  lock:
    description:
      - The C(Lease) that keeps a second rollout away. All runs on a cluster must name the same one.
    type: dict
    default: {}
    version_added: 0.2.0
    suboptions:
      namespace:
        description: Its namespace, which must exist.
        type: str
        default: kube-system
      name:
        description: Its name. If it is missing, a rollout creates it.
        type: str
        default: calico-ops-rollout
      duration:
        description:
          - Seconds without a renewal after which another run may take the lock, from 10 to 3600. The rollout that takes it decides.
          - A rollout that cannot renew it for two thirds of that writes nothing more. Modules that take no lock do not use this.
        type: int
        default: 120
"""
