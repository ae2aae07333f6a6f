"""Files of weights as wholes: recognized, converted, verified."""
