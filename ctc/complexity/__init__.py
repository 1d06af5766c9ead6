"""The only room that measures: time, memory, later kMAC/px and parameters."""
