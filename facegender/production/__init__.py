"""Operate a model in production: decide on promotions, score new pictures, detect drift."""
