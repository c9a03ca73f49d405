"""LoRA adapters: small changes to a model's layers, of which a request names one."""
