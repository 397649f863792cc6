"""Records of what was compared, run folders and the words for them: what every medium shows."""
