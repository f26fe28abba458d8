"""What clients can ask for: services, and who performs them."""
