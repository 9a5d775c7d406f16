"""How the record is stored and found."""
