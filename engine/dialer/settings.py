"""How one campaign is paced: what an operator sets, and what of it the law of the place allows (pure)."""

from __future__ import annotations

from dataclasses import dataclass, fields

from engine.errors import ConfigError

from .jurisdiction import Jurisdiction, jurisdiction
from .pacer import PacerConfig

_PACER_NAMES = {"limit": "abandon_limit"}
"""Names of PacerConfig that are called otherwise in a campaign."""


@dataclass(frozen=True, slots=True)
class PacingSettings:
    """A campaign's pacing. Ratios are fractions of 1.

    Plain data: what is stored stays readable, also when the law's data has changed since. `checked()` and
    `pacer_config()` say whether it may be dialed by.
    """

    jurisdiction: str = "us-ftc"
    """Whose law counts and limits abandoned calls: a name in jurisdictions.json."""
    abandon_limit: float | None = None
    """Abandoned of live answers, at most; None: the jurisdiction's. Only stricter ones, except for `custom`."""
    fp_rate: float = 0.0
    """Share of people whom the machine detection takes for machines."""
    lines_per_agent: float = 1.5
    """`power` only: lines per idle agent."""
    lines_per_agent_max: float = 10.0
    """`predictive`: lines in flight per logged-in agent, at most."""
    pool_weight: float = 1.0
    """This campaign's part of the lines among those that share its pool."""
    small_team: bool = True
    """One line per idle agent where overdialing gains nothing."""
    cancel: bool = True
    """Give up calls that rang long enough while more people answer than agents come free."""
    require_consent: bool = False
    """Dial only numbers whose consent is on record."""
    preview_limit_s: float = 120.0
    """`preview` only: how long an agent may look at a lead before it goes back."""

    @property
    def legal(self) -> Jurisdiction:
        """The law that holds. Raises ConfigError for a jurisdiction that is not known."""
        return jurisdiction(self.jurisdiction)

    def pacer_config(self, patience_s: float = 1.0) -> PacerConfig:
        """What the pacer is given. Raises ConfigError with the campaign's name of the field in front."""
        try:
            return PacerConfig(
                jurisdiction=self.jurisdiction,
                limit=self.abandon_limit,
                fp_rate=self.fp_rate,
                patience_s=patience_s,
                lines_per_agent_max=self.lines_per_agent_max,
                small_team=self.small_team,
                cancel=self.cancel,
            )
        except ConfigError as error:
            name, colon, rest = str(error).partition(":")
            raise ConfigError(f"{_PACER_NAMES.get(name, name)}{colon}{rest}") from None

    def checked(self) -> PacingSettings:
        """The same, if it may be dialed by. Raises ConfigError with the field's name in front."""
        self.pacer_config()
        _check("lines_per_agent", self.lines_per_agent, 1 <= self.lines_per_agent <= 20, "1 to 20")
        _check("pool_weight", self.pool_weight, 0 < self.pool_weight <= 100, "above 0 and at most 100")
        _check("preview_limit_s", self.preview_limit_s, 5 <= self.preview_limit_s <= 3600, "5 to 3600")
        if self.legal.consent_required and not self.require_consent:
            raise ConfigError(
                f"require_consent: {self.legal.law} forbids calls without consent: set it, and record the consents"
            )
        return self


DEFAULT_PACING = PacingSettings()

PACING_FIELDS = tuple(field.name for field in fields(PacingSettings))
"""The settings' names; the same in the database, over HTTP and on the command line."""


def _check(name: str, value: float, ok: bool, expected: str) -> None:
    if not ok:
        raise ConfigError(f"{name}: {value} must be {expected}")
