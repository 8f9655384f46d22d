"""What lies on disk, and in what form."""
