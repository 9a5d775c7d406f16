"""The house stays a house: same rooms everywhere, nothing undeclared."""
