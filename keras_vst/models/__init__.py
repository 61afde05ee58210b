"""The networks: `student` (live), `teacher` (film), `discriminator` (adversarial)."""
