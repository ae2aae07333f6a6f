"""Training runs (needs TensorFlow, which is imported where it is used)."""
