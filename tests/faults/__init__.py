"""The fault matrix: bad input, faults and attacks, each with its outcome asserted."""
