"""One account's timeline: what is stored of it in all rooms, newest first."""
