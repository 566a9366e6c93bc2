/* What a client says to log in and to leave, in the three protocols. Text only: no socket. */
#ifndef DIALOGUE_H
#define DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>

enum protocol { IMAP, POP3, SMTP };

/* The account that the bench knows as number `user` of `tenants`: u000123@t003.bench.test. */
struct account {
    char address[64];
    char password[32];
};

/* Returns account number `user`, which belongs to tenant `user` modulo `tenants`. */
struct account account_of(unsigned user, unsigned tenants);

/* Writes the client's line number `step` of a login (0: nothing, the greeting is awaited) with CRLF into `out`.
 * Returns false when the login has no such step: the client is in. */
bool login_line(enum protocol protocol, unsigned step, const struct account *account, char *out, size_t room);

/* The line that ends a session, with CRLF. */
const char *farewell(enum protocol protocol);

enum reply { REPLY_MORE, REPLY_OK, REPLY_REFUSED };

/* Tells what one line from the server means for the command in flight, or for the greeting when `greeting`. IMAP commands
 * of this bench all carry the tag "a". */
enum reply judge(enum protocol protocol, bool greeting, const char *line);

#endif
