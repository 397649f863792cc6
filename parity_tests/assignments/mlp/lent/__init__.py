"""What a submission without a `utils.py` is lent in the editions whose own differs from that of the default one."""
