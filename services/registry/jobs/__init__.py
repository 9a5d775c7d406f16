"""What the registry does by the clock, or when an operator asks."""
