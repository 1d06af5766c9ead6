"""The report room: one file per output format, named `as_<format>.py`, each ending in a tuple `REPORTS`.

The other files here are what several formats share: `tables` (rows), `overview` (what is said of a codec and of the whole campaign),
`operating_points` and `multi_branch` (configurations), `grounds` (why a value is not stressed) and `curves` (rate-distortion plots).
"""
