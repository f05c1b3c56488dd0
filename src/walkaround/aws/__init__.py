"""The doors that speak the wire of Amazon Web Services, so that clients written for it work unchanged."""
