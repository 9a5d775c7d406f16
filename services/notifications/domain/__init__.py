"""What a message is and may do, without storage, vendors or the web."""
