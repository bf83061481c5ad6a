"""What to do, computed from the evidence."""
