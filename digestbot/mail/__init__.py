"""Mail: the final bytes, and the ways they leave."""
