"""One model over several machines, with MLX's ring."""
