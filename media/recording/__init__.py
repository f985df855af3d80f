"""Recordings, stills and their way out: kept as they came, sealed while they are written, played to who may see them.

Rules: a picture is written as the publisher encoded it, never decoded and encoded again; not one byte is kept before
the recording was authorised; whatever is missing is a named gap, with its times; the recorder is a process of its own,
so that nothing that happens to it can disturb a consultation.
"""
