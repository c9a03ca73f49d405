"""How the probe model was made: vocabulary, sample generator, training and evaluation (not shipped)."""
