"""What operations do to the rows of kept findings: kept, searched, reviewed."""
