"""Points that were not made here: published ones, bitstreams and reconstructions of the official layout, official summaries."""
