"""What every command starts from: the place, the names, and the tool that deploys."""

from dataclasses import dataclass

from deploy.cdk import CdkEngine
from deploy.engine import Answers, Engine, Iac, Say
from deploy.errors import DeployError
from deploy.names import Names
from deploy.place import Place, find_place
from deploy.terraform import TerraformEngine
from infra.settings import SettingsError, load_settings


@dataclass(frozen=True, slots=True)
class Context:
    """A place, and what is deployed there."""

    place: Place
    names: Names
    answers: Answers
    say: Say

    @classmethod
    def find(cls, say: Say, answers: Answers | None = None) -> "Context":
        """Find out where the environment leads.

        Raises:
            DeployError: to no account, or the settings cannot be used.
        """
        place = find_place()
        try:
            names = Names(load_settings(), place)
        except SettingsError as error:
            raise DeployError(str(error)) from error
        return cls(place, names, answers or Answers(), say)

    def engine(self, iac: Iac) -> Engine:
        """The tool of that name."""
        if iac is Iac.cdk:
            return CdkEngine(self.place, self.answers, self.say)
        return TerraformEngine(self.names, self.answers, self.say)

    def others(self, iac: Iac) -> list[Engine]:
        """The tools but that one."""
        return [self.engine(other) for other in Iac if other is not iac]
