"""Visitors of a media worker: stock clients, each a process of its own, that stand for hospitals in demonstrations.

They come in by the doors that everybody comes in by, WHIP and WHEP with a grant, and know nothing of the worker.
"""
