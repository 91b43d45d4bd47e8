"""Templates of the ODBC data source and of the AWS profile it uses: names from the settings, no secret."""

from infra.settings import Settings

DRIVER = "Amazon Athena ODBC (x64)"
"""Name under which AWS's installer registers version 2 of its driver on Windows."""

PROFILE = "petrostream-analyst"


def files(settings: Settings, dsn: str) -> dict[str, str]:
    """The templates, by path.

    Args:
        settings: of the infrastructure.
        dsn: name of the data source.
    """
    windows = _parameters(settings, "$Region", "$Account", "$AwsProfile")
    others = _parameters(settings, "REGION", "ACCOUNT", PROFILE)
    return {
        "odbc/add-dsn.ps1": _powershell(dsn, windows),
        "odbc/odbc.ini": _ini(dsn, others),
        "odbc/aws-config.ini": _profile(settings),
    }


def _parameters(settings: Settings, region: str, account: str, profile: str) -> dict[str, str]:
    """Connection parameters of the driver, version 2, by their names.

    https://docs.aws.amazon.com/athena/latest/ug/odbc-v2-driver-main-connection-parameters.html
    """
    bucket = f"{settings.project}-athena-results-{account}-{region}"
    return {
        "Catalog": "AwsDataCatalog",
        "AwsRegion": region,
        "Schema": settings.lake.database,
        "Workgroup": settings.lake.workgroup,
        "S3OutputLocation": f"s3://{bucket}/results/",
        "AuthenticationType": "IAM Profile",
        "AWSProfile": profile,
    }


def _powershell(dsn: str, parameters: dict[str, str]) -> str:
    listed = ",\n".join(f'    "{name}={value}"' for name, value in parameters.items())
    return f"""# Creates the ODBC data source of the Power BI project:
#   .\\add-dsn.ps1 -Account 123456789012 -Region eu-west-1
# -DsnType System, in a shell of an administrator, for the data gateway. It holds no secret: the driver takes
# credentials from the profile of the AWS configuration (aws-config.ini).
# Written by `python -m tools.powerbi` from infra/settings.json.
param(
    [Parameter(Mandatory = $true)][ValidatePattern("^\\d{{12}}$")][string]$Account,
    [Parameter(Mandatory = $true)][string]$Region,
    [string]$AwsProfile = "{PROFILE}",
    [string]$Name = "{dsn}",
    [ValidateSet("User", "System")][string]$DsnType = "User"
)
$ErrorActionPreference = "Stop"
$properties = @(
{listed}
)
Add-OdbcDsn -Name $Name -DriverName "{DRIVER}" -Platform "64-bit" `
    -DsnType $DsnType -SetPropertyValue $properties
Write-Output "Data source $Name created. Test it in 'ODBC Data Sources (64-bit)'."
"""


def _ini(dsn: str, parameters: dict[str, str]) -> str:
    listed = "\n".join(f"{name} = {value}" for name, value in parameters.items())
    return f"""; ODBC data source for macOS and Linux: replace ACCOUNT and REGION, append it to ~/.odbc.ini.
; On macOS the driver is /opt/athena/odbc/arm64/lib/libathena-odbc-arm64.dylib, or that of x86_64.
; It holds no secret: the driver takes credentials from the AWS profile (aws-config.ini).
; Written by `python -m tools.powerbi` from infra/settings.json.
[ODBC Data Sources]
{dsn} = {DRIVER}

[{dsn}]
Driver = /opt/athena/odbc/lib/libathena-odbc.so
{listed}
"""


def _profile(settings: Settings) -> str:
    return f"""# The profile of ODBC and JDBC clients: replace ACCOUNT and REGION, append it to ~/.aws/config
# (%USERPROFILE%\\.aws\\config on Windows). It holds no secret: the role may only read, and
# source_profile is the profile you sign in with.
# Written by `python -m tools.powerbi` from infra/settings.json.
[profile {PROFILE}]
role_arn = arn:aws:iam::ACCOUNT:role/{settings.project}-analyst-REGION
source_profile = default
region = REGION
"""
