"""Trains a submission's FullyConnectedNet beside torch, by the loop of Solver: what of a trace is CS231n's."""
