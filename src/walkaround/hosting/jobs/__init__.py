"""Durable jobs: what was accepted is done, whatever happens to the process that does it."""
