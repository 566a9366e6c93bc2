/* Whom the upstream lets in. It has no list: every address has its password and its token, derived from the address. */
#ifndef ACCOUNTS_H
#define ACCOUNTS_H

#include "server.h"

/* Logs the peer in with a password: "app-ADDRESS" (a proxy's) or "pw-LOCALPART" (the directory's, for peers that only relay). */
bool account_login(struct peer *peer, const char *address, const char *password);

/* Logs the peer in with the decoded response of SASL PLAIN. */
bool account_plain(struct peer *peer, const char *response, long n);

/* Logs the peer in with the decoded response of XOAUTH2; the token must have been made for that address. */
bool account_xoauth2(struct peer *peer, const char *response);

/* Logs the peer in by a SASL mechanism's base64 response. */
bool account_sasl(struct peer *peer, const char *mechanism, const char *base64);

/* Writes the token of an address ("any": of every address) into `out`. */
void token_for(const char *address, char *out, size_t room);

#endif
