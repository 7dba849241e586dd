"""What the machine offers: just-in-time compilation, threads and files."""
