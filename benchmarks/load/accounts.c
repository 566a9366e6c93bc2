#include "accounts.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_HEAD "ya29.bench-"

static bool let_in(struct peer *peer, const char *address, bool allowed, uint64_t *counter)
{
    if (!allowed || strlen(address) >= NAME_BYTES) {
        counters.refused++;
        return false;
    }
    if (peer->user != address)
        strcpy(peer->user, address);
    peer->in = true;
    ++*counter;
    return true;
}

bool account_login(struct peer *peer, const char *address, const char *password)
{
    size_t local = strcspn(address, "@");
    bool own = strncmp(password, "pw-", 3) == 0 && strncmp(password + 3, address, local) == 0 && password[3 + local] == '\0';
    bool app = strncmp(password, "app-", 4) == 0 && strcmp(password + 4, address) == 0;

    return let_in(peer, address, own || app, &counters.logins_password);
}

bool account_plain(struct peer *peer, const char *response, long n)
{
    const char *end = response + n, *address = memchr(response, 0, (size_t)n), *password;

    if (!address)
        return let_in(peer, "", false, NULL);
    address++;
    password = address + strlen(address) + 1;
    if (password >= end)
        return let_in(peer, "", false, NULL);
    return account_login(peer, address, password);
}

void token_for(const char *address, char *out, size_t room)
{
    snprintf(out, room, TOKEN_HEAD "%s", address);
}

bool account_xoauth2(struct peer *peer, const char *response)
{
    char address[NAME_BYTES], token[NAME_BYTES + 32], own[NAME_BYTES + 32];
    int fields = sscanf(response, "user=%319[^\x01]\x01" "auth=Bearer %350[^\x01]", address, token);

    if (fields != 2)
        return let_in(peer, "", false, NULL);
    token_for(address, own, sizeof own);
    return let_in(peer, address, strcmp(token, own) == 0 || strcmp(token, TOKEN_HEAD "any") == 0, &counters.logins_token);
}

bool account_sasl(struct peer *peer, const char *mechanism, const char *base64)
{
    char response[LINE_BYTES];
    long n = base64_decode(base64, response, sizeof response);

    if (n < 0)
        return let_in(peer, "", false, NULL);
    if (starts(mechanism, "XOAUTH2"))
        return account_xoauth2(peer, response);
    return account_plain(peer, response, n);
}
