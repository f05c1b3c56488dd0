"""Pictures and videos: read within limits, measured, and drawn on."""
