"""Hosted models: worker processes, the line of pictures before them, and how many there are."""
