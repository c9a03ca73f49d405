"""The engine of models that see pictures: mlx-vlm computes, one request at a time."""
