"""`make fuzz-events`: mutated events against everything that reads an event in intake."""
