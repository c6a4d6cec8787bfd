"""What the gateway makes of hostile bytes: a corpus, properties, a fuzzer, and the reference that judges."""
