/* What the servers of the upstream share: one peer per connection, its protocol, and the counters of `GET /stats`. */
#ifndef SERVER_H
#define SERVER_H

#include "lines.h"
#include "stream.h"

struct peer;

/* A protocol of the upstream. */
struct protocol_server {
    const char *name;
    void (*greet)(struct peer *peer);
    void (*line)(struct peer *peer, char *line);
    size_t (*bytes)(struct peer *peer, const unsigned char *data, size_t n); /* takes raw bytes first; 0: wants a line */
    void (*writable)(struct peer *peer);
};

#define NAME_BYTES 320 /* the longest mail address */
#define COMMAND_BYTES 8192

struct peer {
    struct stream stream; /* first */
    const struct protocol_server *server;
    struct lines lines;
    struct peer *next_dead;
    char user[NAME_BYTES]; /* who has logged in, or whom POP3's USER named */
    bool in, awaits_initial; /* awaits_initial: the line to come is the SASL response */
    char tag[64];            /* IMAP: of the command under way */
    char *command;           /* IMAP: a command with literals; HTTP: the body */
    size_t command_bytes, literal_bytes;
    uint64_t offset, length; /* of the bulk message under way */
    unsigned dot;            /* SMTP: how much of ".CRLF" has come */
    bool in_data, idling;
};

struct counters {
    uint64_t connections, full_handshakes, resumed_handshakes, logins_password, logins_token, refused, tokens;
    uint64_t bytes_served, bytes_verified, mismatches;
};

extern struct counters counters;
extern unsigned record_bytes; /* size of the TLS records of a bulk message */

extern const struct protocol_server imap_server, pop3_server, smtp_server, http_server;

/* Closes after what was sent. */
void peer_close(struct peer *peer);

#endif
