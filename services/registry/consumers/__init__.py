"""What the registry does when something happened elsewhere."""
