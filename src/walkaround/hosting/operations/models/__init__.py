"""What operations do to the rows of models: measured, compared, hosted, packed, brought from elsewhere."""
