"""The running process: cores, memory, progress, events and the code's fingerprint."""
