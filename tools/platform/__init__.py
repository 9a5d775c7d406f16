"""The dev runner: starts every part and process of the platform on this machine and keeps them up.

    up (display)  ->  supervise (one process of its own)  ->  parts, apis, workers, gateway, sandbox
        reads state.json  <-  writes it

Everything it knows is in the run folder (`.run`, or RUN_DIR): state.json, logs/, keys/, data/, spans/.
Two run folders are two platforms, side by side.
"""
