"""What scheduling needs from outside: links for tele-consultations."""
