"""Second opinions: which independent facts confirm or refute a finding."""
