"""What notifications does by itself: sending what is due."""
