"""A learned codec with the structure of JPEG AI (ISO/IEC 6048-1 | ITU-T T.840.1), in a compact configuration."""
