"""Interoperability: what one device encodes is decoded on every other."""
