"""A stand-in Epicor Kinetic REST server, with believable data, to try clients against."""
