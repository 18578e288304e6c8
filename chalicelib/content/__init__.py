"""What a campaign says: the author's bytes, their links and merge tags, the rendered mail, the MIME message.

Written (source.py) -> compiled once per campaign (compiler.py -> compiled.py) -> rendered per delivery (render.py) ->
a message (message.py). Rendering imports neither the compiler nor, for plain campaigns, the template engine.
"""
