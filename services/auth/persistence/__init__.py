"""How auth's aggregates are stored and found."""
