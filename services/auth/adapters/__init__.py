"""What auth computes and counts with: password hashes, one-time codes, signatures, limits."""
