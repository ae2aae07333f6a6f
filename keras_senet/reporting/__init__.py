"""A run as one page that a person opens in a browser."""
