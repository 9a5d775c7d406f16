"""The outside world for demo and tests: WhatsApp, an SMS gateway and a mail server, with fault switches."""
