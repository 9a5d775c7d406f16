"""What a process tells about itself: logs, metrics and traces, with no personal data in any of them."""
