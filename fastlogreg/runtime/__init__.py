"""What the machine offers: just-in-time compilation and threads."""
