#!/usr/bin/python
# Copyright (c) 2026, The calico_ops.rollout authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manual of the action plugin of the same name, which does all of it on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: show
short_description: Shows a text as it is
version_added: "0.2.0"
author:
  - The calico_ops.rollout authors (@calico-ops)
description:
  - Shows a table or a page, line by line. M(ansible.builtin.debug) shows it as a list of quoted strings, or in one line.
  - Runs on the controller. Where the stdout callback writes JSON, the text goes to standard error.
options:
  text:
    description: What to show. Control characters are replaced.
    type: str
    required: true
extends_documentation_fragment:
  - calico_ops.rollout._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Show the plan
  calico_ops.rollout.show:
    text: "{{ plan | calico_ops.rollout.text }}"
"""

RETURN = r"""
msg:
  description: The text that was shown.
  returned: success
  type: str
"""
