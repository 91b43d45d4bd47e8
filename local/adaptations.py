"""stub"""


def install():
    return []
