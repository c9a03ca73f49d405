"""Training of the probe model: vocabulary, sample generator, training and evaluation. Not shipped."""
