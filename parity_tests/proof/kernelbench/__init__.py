"""The flow's power, measured on KernelBench's problems beside tolerances that people type."""
