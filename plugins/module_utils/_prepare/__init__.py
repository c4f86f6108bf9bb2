# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What gives a host the kernel modules and sysctls that Calico needs, and takes them away again.

Travels to the host beside _precheck: standard library only, Python 3.6 syntax. Facts are read once, a plan is made of them, and thin
hands carry it out.
"""
