"""Labelling over REST: picture labels, boxes and outlines, drafts and reviews."""
