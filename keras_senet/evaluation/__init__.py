"""How good a predict function is."""
