"""What can be done with the record: append, ask, verify."""
