"""The HTTP edge: ask and verify."""
