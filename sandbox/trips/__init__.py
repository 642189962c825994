"""Round trips: what an emulator can create is created, recorded, planned and tagged for real, and read back.

`run` goes through the `rows`, for each of the `emulators`: `recording` turns the SDK's call into a CloudTrail
record by the sandbox's own recorder, `function` gives that to the real `bootstrap`, `reading` asks the service for
the tags. The verb `cargo xtask trips` installs `requirements.txt`, starts it, and keeps its result.
"""
