"""How everything grows with the log: `telehealth bench scale --events 80000 --events 800000 --events 8000000`.

A nation is loaded that has a hundredth of a year's events at 14,000 facilities, and smaller ones in proportion; then
sizes, rebuilds, questions, the way through Kafka are measured. Rules: every step is written down when it is done, and
a run that was ended goes on where it was; a database is deleted once all of it is measured; what a figure is, and how
it was taken, stands beside it.
"""
