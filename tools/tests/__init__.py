"""Tests of the tools: real platforms of small stand-in services, in temporary folders."""
