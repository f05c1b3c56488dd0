"""Training by gradient: PyTorch is imported here and in `models/gradient`, nowhere else."""
