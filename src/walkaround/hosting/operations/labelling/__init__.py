"""What people who label and review do to the rows: one picture after the other, classes, drafts, agreement."""
