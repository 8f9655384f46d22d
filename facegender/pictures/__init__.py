"""One picture: finding, decoding, augmenting and describing it."""
