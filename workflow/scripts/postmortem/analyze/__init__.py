"""From facts to the root cause: hits, findings, judgements, remedies."""
