"""Compiled loops of the metrics, in float64. Imported inside functions only: numba takes half a second to import.

Every kernel works on one strip of rows and returns sums. `ctc.kernels.strips` cuts a picture into strips that do not depend
on the number of threads and adds their sums in order, so that a value has the same bits with any number.
"""
