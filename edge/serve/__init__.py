"""`vst serve`: pictures and live video painted for others, over HTTP, gRPC and WebSockets; needs the extra `serve`.

A request or a viewer's frame -> settings (paint_settings.py) and pictures (protocol.py) -> the queue and a
painter there (workers.py) -> an answer.  rest.py, rpc.py and sessions.py take and answer.
"""
