"""What the service does: its operations, its jobs, and the processes that hold models."""
