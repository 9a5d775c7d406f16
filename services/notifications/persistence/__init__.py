"""How notifications' aggregates are stored and found."""
