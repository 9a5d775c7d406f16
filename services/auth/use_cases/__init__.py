"""What can be done in auth, one file per command."""
