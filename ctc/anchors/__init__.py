"""One file per anchor codec, each ending in a tuple `CODECS`; the folder is the registry."""
