"""Networks that are trained by gradient: PyTorch is imported here and in `training/gradient`, nowhere else."""
