# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment that every make target runs in: a Python, a virtual environment, the collection built and installed.

Standard library only, Python 3.9: it runs before anything is installed.

  python3 -m tests.environment run -- COMMAND               with the checkout's code
  python3 -m tests.environment --collection run -- COMMAND  with the built tarball, installed offline
  python3 -m tests.environment --core 2.16 run -- COMMAND   with the oldest ansible-core and client that are supported
"""
