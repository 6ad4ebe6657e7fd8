"""What is learned: weights, joint sets, decoders and networks."""
