"""What operations do to the rows of datasets: entries, how they are listed, checks, exports, drafts that are kept."""
