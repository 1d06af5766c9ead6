"""Training of the networks: data, losses, stand-ins for rounding, stages, checkpoints, log."""
