"""Reference documentation, written from the code, so that it cannot say what the code does not do."""
