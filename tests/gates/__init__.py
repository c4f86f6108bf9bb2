# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates that a change passes before it lands: `make test` on a laptop and in CI alike."""
