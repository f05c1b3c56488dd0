"""Trial detections over REST: begun, looked through, verified."""
