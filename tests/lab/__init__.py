# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab: a real control plane, simulated kubelets and real SSH hosts on one Linux machine.

`python -m tests.lab --help` is its command line, `tests.lab.lab.Lab` its interface for tests.
"""
