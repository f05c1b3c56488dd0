"""Evaluation: how good a model is, how sure that is, and the page that says so."""
