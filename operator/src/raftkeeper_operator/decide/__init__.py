"""What to do next: pure functions of a snapshot. Nothing here waits, reads a clock or talks to anyone."""
