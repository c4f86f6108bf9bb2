# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Attributes of modules. Each module says itself how far it supports them."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what it would change without changing it.
  diff_mode:
    description: Returns what changes (or would change in C(check_mode)) when in C(diff) mode.
  idempotent:
    description: A second run in a row with the same options changes nothing.
  platform:
    description: Operating systems that the module runs on.
    support: full
    platforms: posix
"""

    KUBE_GROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/calico_ops.rollout.kube) in C(module_defaults) to set the connection options for all modules of the group.
    support: full
    membership:
      - calico_ops.rollout.kube
"""
