"""Kept findings over REST: searched, reviewed, added up, and the watches and events that bring more."""
