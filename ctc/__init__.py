"""Evaluation harness for learned image codecs under the JPEG AI common test conditions."""

__version__ = "0.1.0"
