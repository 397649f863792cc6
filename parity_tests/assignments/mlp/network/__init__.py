"""The equivalent torch network: its model, optimizer, weights and training."""
