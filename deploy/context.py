"""What every command starts from: the place, the names, and the tool that deploys."""

from dataclasses import dataclass

from deploy.cdk import CdkEngine
from deploy.engine import Answers, Engine, Iac
from deploy.github import repository
from deploy.names import Names
from deploy.output import Output
from deploy.place import Place, find_place
from deploy.terraform import TerraformEngine
from infra.settings import SettingsError, load_settings
from toolchain.commands import Say
from toolchain.errors import ToolError


@dataclass(frozen=True, slots=True)
class Context:
    """A place, and what is deployed there."""

    place: Place
    names: Names
    answers: Answers
    output: Output

    @classmethod
    def find(cls, output: Output, answers: Answers | None = None) -> "Context":
        """Find the account or emulator the environment points at.

        Raises:
            ToolError: it points at none, the settings cannot be used, or an answer is no repository.
        """
        if answers and answers.github:
            repository(answers.github)
        place = find_place()
        try:
            names = Names(load_settings(), place)
        except SettingsError as error:
            raise ToolError(str(error)) from error
        return cls(place, names, answers or Answers(), output)

    @property
    def say(self) -> Say:
        """Prints a line of progress."""
        return self.output.say

    def engine(self, iac: Iac) -> Engine:
        """The tool of that name."""
        if iac is Iac.cdk:
            return CdkEngine(self.place, self.answers, self.output)
        return TerraformEngine(self.names, self.answers, self.output)
