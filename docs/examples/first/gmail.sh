# The Gmail look-alike, for trying out. It makes google.json, the key of a service account that its token endpoint knows.
exec python -m cgappliance.testing.gmail --certificate server.pem --private-key server.key --state gmail.toml \
    --service-account google.json --port imaps=20993 --port pop3s=20995 --port smtps=20465
