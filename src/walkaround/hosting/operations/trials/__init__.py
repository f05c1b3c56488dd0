"""What operations do to the rows of trial detections, and what persons say of them."""
