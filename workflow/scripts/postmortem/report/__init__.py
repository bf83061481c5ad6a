"""The diagnosis for people and programs: one document, its Markdown, and the summary over all."""
