"""The look-alike of the WhatsApp Cloud API."""
