"""What each operation of the service does to the rows: no waiting, no files, no processes."""
