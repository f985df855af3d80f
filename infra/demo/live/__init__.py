"""The launch day's pictures and sound: hospitals that really send and watch, and what is recorded of it."""
