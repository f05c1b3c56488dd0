"""The names of the inputs and outputs of every graph, apart from what writes graphs: running one needs none of it."""

from __future__ import annotations

PIXELS = "pixels"
"""Input float32 [n, 3, height, width], RGB, 0 to 255. Normalisation is part of the graph."""
PROBABILITIES = "probabilities"
"""Output float32 [n, classes], rows add up to 1."""
HEAT = "heat"
"""Output float32 [n, rows, columns], see walkaround.damage.findings.HeatMap."""
FEATURES = "features"
"""Output float32 [n, features] of the graph that training reads the pictures with."""
