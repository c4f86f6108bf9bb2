// Copyright (c) 2026, The calico_ops.rollout authors
// SPDX-License-Identifier: GPL-3.0-or-later

// Without an assembly file the compiler refuses a function that has no body, as main.go has one.
