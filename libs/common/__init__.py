import gc

# A program makes tens of thousands of objects while it starts, which stay, and a call some hundred in cycles. The
# collector's own first threshold, 700, would have it at work through all of that every few calls.
gc.set_threshold(20_000, 20, 20)
