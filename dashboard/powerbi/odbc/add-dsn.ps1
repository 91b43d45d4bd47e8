# Creates the ODBC data source of the Power BI project:
#   .\add-dsn.ps1 -Account 123456789012 -Region eu-west-1
# -DsnType System, in a shell of an administrator, for the data gateway. It holds no secret: the driver takes
# credentials from the profile of the AWS configuration (aws-config.ini).
# Written by `python -m tools.powerbi` from infra/settings.json.
param(
    [Parameter(Mandatory = $true)][ValidatePattern("^\d{12}$")][string]$Account,
    [Parameter(Mandatory = $true)][string]$Region,
    [string]$AwsProfile = "petrostream-analyst",
    [string]$Name = "PetroStream",
    [ValidateSet("User", "System")][string]$DsnType = "User"
)
$ErrorActionPreference = "Stop"
$properties = @(
    "Catalog=AwsDataCatalog",
    "AwsRegion=$Region",
    "Schema=petrostream",
    "Workgroup=petrostream",
    "S3OutputLocation=s3://petrostream-athena-results-$Account-$Region/results/",
    "AuthenticationType=IAM Profile",
    "AWSProfile=$AwsProfile"
)
Add-OdbcDsn -Name $Name -DriverName "Amazon Athena ODBC (x64)" -Platform "64-bit" `
    -DsnType $DsnType -SetPropertyValue $properties
Write-Output "Data source $Name created. Test it in 'ODBC Data Sources (64-bit)'."
