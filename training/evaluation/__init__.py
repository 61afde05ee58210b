"""The score-card: what a network paints, how steadily and how fast, beside controls and peers."""
