"""What notifications needs from outside: vendors, people's numbers and names, texts from files."""
