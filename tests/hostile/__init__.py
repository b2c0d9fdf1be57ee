"""What strangers may send, generated from a seed, against the words and the doors."""
