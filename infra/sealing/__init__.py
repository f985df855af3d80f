"""Pictures and sound at rest: sealed while they are written, with a key of their own each.

Rules: nothing of a recording or a still touches a disk in clear; every object has its own data key, which lies wrapped
by a master key beside it, so that master keys are replaced without touching what they protect, and one object is
forgotten by destroying one wrapped key. The format is written down in docs/recording-formats.md.
"""
