"""What notifications does when something happened elsewhere."""
