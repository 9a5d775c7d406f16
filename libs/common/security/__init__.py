"""Who is calling, how we know, and what they may do."""
