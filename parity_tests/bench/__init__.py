"""What Parity and its network cost, held against what people would use instead, side by side in one run."""
