"""What SE does in a network, and whether it earns its cost there."""
