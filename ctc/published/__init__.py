"""Points that others published: what an anchor is verified against, and what serves as the anchor of a run without any encoding.

A set of points is a CSV file of this folder, or any file of yours of the same columns, or an official `summary.txt`.
"""
