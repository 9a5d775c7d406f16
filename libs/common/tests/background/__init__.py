"""Tests of what happens after the answer is sent: outbox, relay, consumer, jobs and the worker that runs them."""
