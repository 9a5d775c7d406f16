"""What scheduling does when something happened, here or elsewhere."""
