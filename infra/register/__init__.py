"""A register of facilities, as authorities keep it in a table, into the log: through commands like everything else."""
