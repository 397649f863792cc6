"""The harness's own power, measured: known mistakes, single slips and honest rewrites of the shipped network."""
