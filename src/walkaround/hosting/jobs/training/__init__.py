"""The job that trains a model, the process that does it, what it tells and what it leaves."""
