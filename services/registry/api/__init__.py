"""The HTTP edge: decode, transact, respond."""
