"""What a run learns from, as batches: photos, clips, paintings, keyframes."""
