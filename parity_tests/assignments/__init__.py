"""The assignments that come with Parity, each in a folder of its own."""

SHIPPED = "mlp"
"""The assignment whose solution is checked where no submission is named."""
