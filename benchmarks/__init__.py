"""What the documents quote, rerunnable."""
