"""What it means: facts, their sums, and what people are shown of them."""
