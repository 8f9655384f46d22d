"""The page on which a person corrects labels."""
