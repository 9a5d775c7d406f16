"""What can be done in notifications, one file per command."""
