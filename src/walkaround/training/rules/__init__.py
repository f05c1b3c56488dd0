"""Debugger rules: what goes wrong in trainings, each found by a small pure function over plain numbers."""
