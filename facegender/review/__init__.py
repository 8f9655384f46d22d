"""The review page, on which a person corrects labels."""
