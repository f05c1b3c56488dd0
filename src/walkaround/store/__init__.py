"""What the service keeps: tables, and the few ways to change them."""
