"""Documentation, and the code that writes the part of it which follows from the code."""
