"""Adapters of the transparency log: keys, tiles, published checkpoints, witnesses, receipts, bundles."""
