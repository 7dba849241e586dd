"""What users call: parameters, validation, attributes; no mathematics."""
