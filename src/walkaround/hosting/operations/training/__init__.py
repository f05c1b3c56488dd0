"""What would be trained from which pictures, what may be asked of a training, and how one went."""
