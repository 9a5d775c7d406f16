"""Patient Registry: who the patients are, who may act for them, and what they consented to."""
