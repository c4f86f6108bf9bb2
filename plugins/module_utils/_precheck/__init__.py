# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The precheck. `host` travels and gathers facts once per source; `checks` judge them on the controller, into one document.

Standard library only and Python 3.6 syntax throughout: host_prepare takes some of the checks along.
"""
