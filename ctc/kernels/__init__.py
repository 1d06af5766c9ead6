"""Compiled loops of the metrics. Imported inside functions only: numba takes half a second to import.

Every kernel works on a piece of a picture, some rows or some patches, and returns sums or writes its own part of a result.
`ctc.kernels.strips` cuts a picture into pieces that do not depend on the number of threads and adds their sums in order, so that a
value has the same bits with any number.
"""
