"""Low precision tried: right programs in it, which must agree, and faults, which must be told."""
