"""The colours of signs, the same in every picture, page and plot; white is zero.

Blue and orange, because people who confuse red and green can tell them apart.
"""

POSITIVE, NEGATIVE = (58, 143, 199), (217, 100, 44)  # red, green and blue, 0...255
SIGNS = "blue positive, orange negative, white 0"
"""How a legend says it."""
