"""What auth does by the clock."""
