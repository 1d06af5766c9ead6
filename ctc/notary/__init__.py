"""Proves that an anchor coded here is the anchor that others coded: to the byte, and by every metric within its tolerance."""
