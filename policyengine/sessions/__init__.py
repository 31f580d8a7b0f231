"""What agents and sessions have done: counts, loops, speed, ratings. One question, one file."""
