"""What an operator sees of a node: four-letter commands, metrics, health.

Views of the engine's and the driver's figures. It must never be on the path of a request.
"""
