"""A nation that could be: places, people and days of traffic, all following from one seed.

Rules: what is here is pure, apart from `play`, `bulk` and `run`, which send it. The same seed gives the same commands
with the same ids, on any machine, at any speed and after any number of kills; more facilities or days give more of
them. Nobody here lives or lived, and no place claims to be a hospital that exists.
"""
