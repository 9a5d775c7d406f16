"""What audit does with what the others did."""
