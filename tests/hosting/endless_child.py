"""A stand-in for trial_child in test_trial_child: it takes questions, and never comes to an end with one."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    sys.stdin.read()
