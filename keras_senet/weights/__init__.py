"""Published checkpoints, and files of weights."""
