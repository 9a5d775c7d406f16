"""What audit does by the clock."""
