"""A timing campaign: encoders and decoders of a run, timed one at a time in a quiet place, and what their times say."""
