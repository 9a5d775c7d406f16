"""How the registry's aggregates are encrypted, stored and found."""
