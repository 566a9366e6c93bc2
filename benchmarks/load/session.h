/* One client session of the load generator: connect, log in, then whatever its work does. */
#ifndef SESSION_H
#define SESSION_H

#include "dialogue.h"
#include "lines.h"
#include "samples.h"
#include "stream.h"

struct session;

/* What one kind of work does with its sessions once they are in. */
struct work {
    const char *name;
    void (*logged_in)(struct session *session);
    void (*line)(struct session *session, char *line);
    size_t (*bytes)(struct session *session, const unsigned char *data, size_t n); /* takes raw bytes first; 0: wants a line */
    void (*writable)(struct session *session);
    void (*left)(struct session *session); /* the farewell was answered, the session is closed */
    void (*failed)(struct session *session); /* after session_failed */
};

struct session {
    struct stream stream; /* first */
    const struct work *work;
    unsigned user;
    unsigned step; /* of the login */
    bool in, leaving;
    int64_t connect_ns; /* when it started to connect */
    struct lines lines;
    SSL_SESSION *ticket; /* for resumption, when asked for */
    uint64_t offset, length; /* of the bulk message under way */
    int64_t *due_ns;         /* ring of commands in flight */
    unsigned due_first, due_count;
};

/* Where to and as whom, from the command line. */
struct target {
    enum protocol protocol;
    bool tls, resume;
    unsigned port, port_step; /* tenant t listens on port + t * port_step */
    unsigned tenants, first_user, users;
    const char *ca_file, *server_name;
};

/* What all sessions count together. */
struct totals {
    uint64_t operations, bytes, errors, full_handshakes, resumed_handshakes;
    uint64_t started; /* sessions since the program's start, warm-up included */
    char first_error[256];
    struct samples latencies;
};

extern struct target target;
extern struct totals totals;

/* Loads the CA and makes the client's TLS context; exits on an unreadable file. */
void sessions_init(size_t read_ahead_bytes);

/* Starts to connect as `user` modulo the number of users. */
void session_start(struct session *session, const struct work *work, unsigned user);

/* Says LOGOUT or QUIT; `work->left` follows. */
void session_leave(struct session *session);

/* Counts an error, keeps the first one's text, closes, and tells the work. */
void session_failed(struct session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
