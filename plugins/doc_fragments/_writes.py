# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. How fast to write: goes with argspec.WRITE_OPTIONS."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  rate:
    description:
      - Writes begun per second; V(0) for no limit. Every kubelet, controller and Felix that watches Nodes receives each write. So a large
        cluster bears more than the API server's own load.
      - Whatever the value, V(429) and C(Retry-After) are obeyed.
    type: float
    default: 50.0
  concurrency:
    description: Writes under way at the same time.
    type: int
    default: 16
"""
