"""What can be done with patients and consents, one command per file."""
