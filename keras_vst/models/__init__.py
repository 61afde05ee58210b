"""The networks: `student` (live), `teacher` (film and distillation), `discriminator` (adversarial)."""
