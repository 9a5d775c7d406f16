"""The look-alike of an Indian SMS gateway with DLT ids."""
