"""Who is asking, over REST: sessions, users and access keys."""
