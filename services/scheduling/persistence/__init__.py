"""How scheduling's aggregates are stored and found."""
