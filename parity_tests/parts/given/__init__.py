"""What the names of the parts' texts stand for, by the tensors of a call: x, w, b, gamma, beta, dout and settings."""
