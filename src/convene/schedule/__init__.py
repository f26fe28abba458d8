"""Who is busy when."""
