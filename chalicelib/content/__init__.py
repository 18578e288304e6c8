"""What a campaign says: the author's bytes, their links and merge tags, the rendered mail, the MIME message.

A ContentSource is compiled once per campaign (compiler.py) to a CompiledContent (compiled.py), rendered per delivery
(render.py), and put into a message (message.py). Rendering imports neither the compiler nor, for campaigns without
expressions and statements, the template engine.
"""
