"""What tests stand on: real parts, frozen time, minted tokens. Production code may not import it."""
