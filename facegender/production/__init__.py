"""Promotion, scoring of new pictures, and drift."""
