"""`vst serve`: pictures and live video painted for others, over HTTP, gRPC and WebSockets; needs the extra `serve`.

A request or a viewer's frame -> a wish (wishes.py) and pictures (image_files.py, tensors.py) -> the line before the
workshop (workshop.py) -> a painter there (easels.py) -> an answer.  rest.py, rpc.py and sessions.py are the doors.
"""
