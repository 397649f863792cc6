"""The flow's power, measured on PyTorch's own list of operations and modules, with their own samples."""
