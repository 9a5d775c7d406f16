"""What can be done, one file per command, and what can be asked."""
