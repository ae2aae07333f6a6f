"""Block diagrams of networks, as text and as a picture."""
