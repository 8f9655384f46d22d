"""params.yaml: its sections, presets, reading and writing."""
