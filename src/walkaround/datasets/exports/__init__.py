"""Datasets written in the formats of others."""
