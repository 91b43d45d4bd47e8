"""Deploy with the services: images before what runs from them, and no end before it runs."""

from dataclasses import replace

from deploy import images, up
from deploy.context import Context
from deploy.rollout import wait_for_services


def with_images(context: Context) -> Context:
    """The context, with the tag of this code's images if there are repositories to push them to.

    Without, a first deployment makes the repositories: no task could be started from an empty one.

    Raises:
        ToolError: images are not wanted, or ECR does not answer.
    """
    images.check(context.names)
    if not images.place_exists(context.names):
        context.say("The images' repositories come first; the services follow once they are filled.")
        return context
    return replace(context, answers=replace(context.answers, image_tag=images.tag()))


def fill(context: Context) -> None:
    """Build and push the images of this code.

    Raises:
        ToolError: an image cannot be built or pushed.
    """
    images.publish(context.names, images.tag(), context.say)


def apply(prepared: up.Prepared) -> None:
    """Apply a plan; with a tag, push its images before, and wait until the services run afterwards.

    Raises:
        ToolError: a step failed.
    """
    context = prepared.context
    tag = context.answers.image_tag
    if tag is not None:
        images.publish(context.names, tag, context.say)
    up.apply(prepared)
    if tag is not None:
        wait_for_services(context.names, context.say)
