import json

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from producer.cdc.credentials import (
    URL,
    Secret,
    hosts_of,
    is_local,
    postgres_parameters,
    read_secret,
    sqlalchemy_url,
)
from producer.cdc.errors import SourceInvalid, SourceLost

REMOTE = {URL: "postgresql://reader:hush@db.example.com:5433/plant"}


def test_another_machine_is_verified_by_name_unless_the_user_says_otherwise():
    found = postgres_parameters(None, REMOTE)
    assert (found["host"], found["port"], found["user"], found["dbname"]) == (
        "db.example.com",
        "5433",
        "reader",
        "plant",
    )
    assert found["sslmode"] == "verify-full"
    assert found["sslrootcert"]
    assert found["connect_timeout"] == "10"
    assert postgres_parameters(None, REMOTE | {"PGSSLMODE": "require"})["sslmode"] == "require"
    assert "sslrootcert" not in postgres_parameters(None, REMOTE | {"PGSSLROOTCERT": "/ca.pem"})
    assert postgres_parameters(None, {"PGHOST": "db.example.com"})["sslmode"] == "verify-full"


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
@pytest.mark.parametrize("where", ["url", "variable"])
def test_modes_that_may_speak_in_the_clear_are_refused(mode, where):
    environment = {URL: f"{REMOTE[URL]}?sslmode={mode}"} if where == "url" else REMOTE | {"PGSSLMODE": mode}
    with pytest.raises(SourceInvalid, match=f"sslmode={mode} .* in the clear") as caught:
        postgres_parameters(None, environment)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "environment",
    [
        {URL: "postgresql://reader@127.0.0.1/plant"},
        {URL: "host=/run/postgresql dbname=plant"},
        {"PGHOST": "localhost"},
        {"PGHOST": "localhost", "PGSSLMODE": "disable"},
    ],
)
def test_this_machine_needs_no_tls(environment):
    found = postgres_parameters(None, environment)
    assert "sslmode" not in found
    assert is_local(hosts_of(found, environment))


def test_one_remote_host_among_local_ones_is_remote():
    assert not is_local(["localhost", "db.example.com"])
    assert postgres_parameters(None, {URL: "host=localhost,db.example.com"})["sslmode"] == "verify-full"
    assert postgres_parameters(None, {URL: "host=localhost hostaddr=10.0.0.7"})["sslmode"] == "verify-full"


def test_nothing_named_and_nonsense_are_explained_without_quoting_it():
    with pytest.raises(SourceInvalid, match="no source is named: set PETROSTREAM_CDC_URL"):
        postgres_parameters(None, {})
    with pytest.raises(SourceInvalid, match="no connection string") as caught:
        postgres_parameters(None, {URL: "postgresql://reader:hush@db:port:5/plant?nonsense"})
    assert "hush" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_secret_comes_before_the_url():
    arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:historian"
    text = json.dumps(
        {"engine": "postgres", "host": "new.example.com", "username": "u", "password": "p", "port": 5432}
    )
    secret = read_secret(arn, lambda _: text)
    assert secret == Secret("u", "p", "new.example.com", "5432")
    found = postgres_parameters(secret, REMOTE)
    assert (found["user"], found["password"], found["host"], found["dbname"]) == (
        "u",
        "p",
        "new.example.com",
        "plant",
    )
    assert "hush" not in found.values()


@pytest.mark.parametrize(
    "text", ["hush", '"hush"', '{"username": "u"}', '{"username": "u", "password": null, "x": "hush"}']
)
def test_a_secret_of_another_shape_is_not_quoted(text):
    with pytest.raises(SourceInvalid, match="not JSON with username and password") as caught:
        read_secret("historian", lambda _: text)
    assert "hush" not in str(caught.value)


def test_secrets_manager_may_refuse_or_be_away():
    def refuse(_):
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetSecretValue")

    def away(_):
        raise EndpointConnectionError(endpoint_url="https://secretsmanager")

    with pytest.raises(SourceInvalid, match="secretsmanager:GetSecretValue"):
        read_secret("historian", refuse)
    with pytest.raises(SourceLost, match="does not respond"):
        read_secret("historian", away)


def test_name_and_password_of_a_url_are_replaced_by_the_secrets():
    environment = {URL: "mssql+pyodbc://reader:hush@db/plant?driver=x"}
    assert sqlalchemy_url(None, environment) == environment[URL]
    assert sqlalchemy_url(Secret("a@b", "c/d"), environment) == "mssql+pyodbc://a%40b:c%2Fd@db/plant?driver=x"
    with pytest.raises(SourceInvalid, match="not set"):
        sqlalchemy_url(None, {})


def test_postgresql_is_verified_through_sqlalchemy_too():
    def url(text):
        return sqlalchemy_url(None, {URL: text})

    found = url("postgresql+psycopg://reader:hush@db.example.com/plant")
    assert found.startswith(
        "postgresql+psycopg://reader:hush@db.example.com/plant?sslmode=verify-full&sslrootcert="
    )
    assert "&sslmode=verify-full&" in url("postgresql://r@/plant?host=db.example.com")
    own = "postgresql+psycopg://r@db.example.com/plant?sslmode=verify-ca&sslrootcert=/ca.pem"
    assert url(own) == own
    for local in ("postgresql+psycopg://r@127.0.0.1/plant", "postgresql://r@/plant?host=/run/postgresql"):
        assert url(local) == local
    assert url("mysql+pymysql://r@db/plant") == "mysql+pymysql://r@db/plant"
    with pytest.raises(SourceInvalid, match="no URL") as caught:
        url("postgresql+psycopg://reader:hush@db.example.com:port/plant")
    assert "hush" not in str(caught.value)
    with pytest.raises(SourceInvalid, match="in the clear") as caught:
        url("postgresql+psycopg://reader:hush@db.example.com/plant?sslmode=prefer")
    assert "hush" not in str(caught.value)
