"""Projects and datasets over REST: pictures put into them, looked through, checked and exported."""
