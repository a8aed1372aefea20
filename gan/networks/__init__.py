"""Generators map latent points float[n, latent] to samples; discriminators map samples to one logit each, float[n]."""
