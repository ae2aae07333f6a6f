"""From images to batches (needs TensorFlow, which is imported where it is used)."""
