"""Trains a submission's two-layer network beside torch: what of a trace is the homework's."""
