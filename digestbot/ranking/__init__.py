"""Ranking: text becomes TF-IDF, ratings become profiles, candidates become an order. All of it pure."""
