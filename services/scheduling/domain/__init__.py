"""The rules of the calendar and of an appointment's life; no database, no network."""
