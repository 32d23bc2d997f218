"""Speech synthesis: text to phonemes, phonemes to sound, and the voices."""
