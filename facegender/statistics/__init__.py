"""Pure arithmetic: opens no file and knows no network."""
